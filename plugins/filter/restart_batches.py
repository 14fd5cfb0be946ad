# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host nodes to restart, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.plugin_utils.shares import share


def restart_batches(hosts: list[str], hostvars: Mapping[str, Any], registers: list[str]) -> list[list[str]]:
    """Hosts that wait for a restart: one alone, then of each pool as many as may be unavailable; managers one by one."""
    known = {host: hostvars[host] for host in hosts}
    waiting = [host for host in hosts if any((known[host].get(name) or {}).get("pending") for name in registers)]
    groups = {
        h: MANAGER if known[h].get("cluster_part") == MANAGER else f"pool {known[h].get('cluster_pool')}" for h in hosts
    }
    sizes = Counter(groups.values())
    batches, rest = [waiting[:1]], waiting[1:]
    while rest:
        batch: list[str] = []
        taken: Counter[str] = Counter()
        for host in rest:
            group = groups[host]
            if taken[group] < (1 if group == MANAGER else _limit(host, known[host], sizes[group])):
                taken[group] += 1
                batch.append(host)
        batches.append(batch)
        rest = [host for host in rest if host not in batch]
    return [batch for batch in batches if batch]


def _limit(host: str, variables: Mapping[str, Any], size: int) -> int:
    value = variables.get("host_node_max_unavailable", variables.get("cluster_max_unavailable", "10%"))
    try:
        return share(value, size)
    except ValueError as error:
        raise AnsibleFilterError(f"{host}: cluster_max_unavailable or host_node_max_unavailable: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"restart_batches": restart_batches}
