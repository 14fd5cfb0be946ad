# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who makes a Kubernetes cluster and who joins it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes.plan import PlanError, plan

REGISTER = "host_node_state"  # where the preparation of a host registers it


def kubernetes_host_states(hosts: list[str], hostvars: Mapping[str, Any], loop: str) -> dict[str, dict[str, Any]]:
    """What kubernetes_host found, by host: of hosts of this play as registered there, of others as one of them has them.

    A loop over the others is registered as C(loop), whichever host that was: it may have dropped out since.
    """
    found = {host: hostvars[host].get(REGISTER) or {} for host in hosts}
    for host in hosts:
        reads = (hostvars[host].get(loop) or {}).get("results") or []
        found |= {read["item"]: read for read in reads if not read.get("skipped")}
    return {host: answer for host, answer in found.items() if "state" in answer}


def kubernetes_plan(host_states: dict[str, dict[str, Any]], managers: list[str], run: list[str]) -> dict[str, Any]:
    """Plan from what every manager that answers says of itself."""
    try:
        decided = plan(host_states, managers, run)
    except PlanError as error:
        raise AnsibleFilterError(str(error)) from error
    return {"acting_manager": decided.acting_manager, "init": decided.init, "join": list(decided.join)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"kubernetes_plan": kubernetes_plan, "kubernetes_host_states": kubernetes_host_states}
