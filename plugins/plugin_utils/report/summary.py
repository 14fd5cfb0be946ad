# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells at its end: of how many hosts, how long it took, where the API is and how to log in."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.host import processes
from ansible_collections.keelson.cluster.plugins.module_utils.texts import count

from .. import components
from ..contract import MANAGER


def run_seconds() -> float:
    """Return for how long this run of Ansible has lasted, by the start of the process that started this one; 0 if unknown."""
    try:
        return time.time() - processes.start(str(os.getppid()))
    except (OSError, ValueError, IndexError):
        return 0


def summary(hosts: Mapping[str, Mapping[str, Any]], done: str, seconds: float, further: Mapping[str, str]) -> str:
    """Return the text, from the variables of a cluster's hosts by name; `done` is what was done, `further` lines by title."""
    managers = {name: variables for name, variables in hosts.items() if variables.get("cluster_part") == MANAGER}
    pools = Counter(str(v.get("cluster_pool", "")) for name, v in hosts.items() if name not in managers)
    first, variables = next(iter(managers.items()))
    cluster, engine = str(variables["cluster_name"]), components.engine(str(variables["cluster_engine"]))
    counted = ", ".join(f"{pool} ({number})" for pool, number in sorted(pools.items()))
    lines = {
        "hosts": f"{count(len(managers), 'manager')}, {count(sum(pools.values()), 'host node')}"
        + (f" in pools {counted}" if pools else ""),
        "endpoint": " ".join(engine.endpoints(list(managers.values()))),
        "log in": f"ssh {variables.get('ansible_host', first)}, and as root: {engine.login.format(cluster=cluster)}",
        **further,
    }
    took = f" in {seconds:.0f} s" if seconds else ""
    body = "".join(f"\n  {title:10}{text}" for title, text in lines.items() if text)
    return f"\nCluster {cluster} ({engine.name}): {done}{took}{body}\n"
