# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose server is replaced, which members that takes out first, and what the managers note of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import canonical

from ..contract import MANAGER
from ..preflight.model import Cluster
from .removal import Removal, RemovalError
from .removal import plan as removal


@dataclass(frozen=True)
class Replacement:
    """The C(removal) that comes first, and by the names of all hosts that get new servers the addresses of their old ones."""

    removal: Removal
    noted: Mapping[str, str]


def read(answers: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What managers have noted, from the results of ansible.builtin.slurp; what was cut off while it was written counts for nothing."""
    found: dict[str, str] = {}
    for answer in answers:
        try:
            found.update(json.loads(base64.b64decode(answer.get("content") or "")))
        except ValueError:
            continue
    return found


def plan(cluster: Cluster, asked: Sequence[str], noted: Mapping[str, str]) -> Replacement:
    """Plan new servers for the hosts C(asked), and for those that an earlier run has C(noted). Raises RemovalError."""
    hosts = {host.name: host for host in cluster.hosts}
    names = list(dict.fromkeys([*(name for name in noted if name in hosts), *asked]))
    unknown = [name for name in names if name not in hosts]
    if unknown:
        raise RemovalError(
            f"replace_hosts: the inventory has no {', '.join(unknown)}, and a server is replaced under its name; it has "
            f"{', '.join(sorted(hosts))}. To take out a member for good use playbook remove"
        )
    managers = [name for name in names if hosts[name].part == MANAGER]
    if len(managers) > 1:
        raise RemovalError(f"replace_hosts: {', '.join(managers)} are managers; replace one of them, then the next")
    old = {name: noted.get(name, canonical(hosts[name].address)) for name in names}
    there = [name for name in names if canonical(hosts[name].address) == old[name]]
    if there:
        return Replacement(removal(cluster, there), old)
    return Replacement(Removal([], [], "", []), old)
