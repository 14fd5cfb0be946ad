# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Nomad is killed on a host in a drill. Standard library only."""

from __future__ import annotations

from ..cluster.outage import OutageScope, Run

UNIT = "nomad.service"
# Containers of tasks, and those that hold their networks.
_CONTAINERS = ("label=com.hashicorp.nomad.alloc_id", "name=^nomad_init_")


def remove_containers(run: Run) -> int:
    """Remove Nomad's containers; removed, not only killed: Nomad retries for minutes to kill one that it finds dead."""
    lists = [run(["docker", "ps", "-aq", "--filter", chosen], False)[1].split() for chosen in _CONTAINERS]
    containers = sorted({name for names in lists for name in names})
    if containers:
        run(["docker", "rm", "-f", *containers], False)
    return len(containers)


OUTAGE_SCOPE = OutageScope(units=(UNIT,), groups=(UNIT,), clear=remove_containers)
