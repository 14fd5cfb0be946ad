# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of a Kubernetes cluster as the inventory wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.view import POOL


def kubernetes_node_specs(hosts: list[str], hostvars: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One dictionary a host: its name, address, labels and taints."""
    found = []
    for host in hosts:
        known = hostvars[host]
        pool = {POOL: known["cluster_pool"]} if known.get("cluster_pool") else {}
        labels = known.get("host_node_labels", known.get("cluster_labels")) or {}
        entry = {"name": host, "address": known["cluster_address"], "taints": known.get("host_node_taints") or []}
        found.append({**entry, "labels": {**labels, **pool}})
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"kubernetes_node_specs": kubernetes_node_specs}
