#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tasks and the controller's CPU time grow with the hosts: whole installations in check mode on fake hosts.

A fake host is this machine by Ansible's local connection, so the CPU time holds what a real host would spend on its
modules too; it is the same for every host and says nothing about growth.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from figures import Bench, Figure, Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.runs import Run, run  # noqa: E402

SIZES = (5, 20, 50)
# What fake hosts cannot but have: all are one machine.
IGNORED = [
    "duplicate machine-id",
    "duplicate hostname",
    "address",
    "feature",
    "foreign cluster",
    "memory",
    "port",
    "system",
]


def inventory(size: int) -> dict[str, object]:
    """Three managers, the rest host nodes of one pool."""

    def hosts(first: int, last: int) -> dict[str, dict[str, str]]:
        return {f"h{number}": {"cluster_address": f"127.0.1.{number}"} for number in range(first, last + 1)}

    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "cluster_name": "fake",
        "cluster_engine": "nomad",
        "cluster_become": False,
        "preflight_ignore": IGNORED,
    }
    pool = {"fake_pool_web": {"vars": {"cluster_pool": "web"}, "hosts": hosts(4, size)}}
    parts = {
        "fake_managers": {"vars": {"cluster_part": "manager"}, "hosts": hosts(1, 3)},
        "fake_nodes": {"vars": {"cluster_part": "node"}, "children": pool},
    }
    return {"all": {"children": {"clusters": {"children": {"fake": {"vars": shared, "children": parts}}}}}}


def measure(size: int) -> Run:
    """One run in check mode."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hosts.yml")
        path.write_text(json.dumps(inventory(size)), encoding="utf-8")
        command = ["ansible-playbook", "-i", str(path), "keelson.cluster.install", "--check"]
        return run(command, Path(folder, "run.jsonl"), {"ANSIBLE_FORKS": "4"}).expect()


def main() -> int:
    """Measure each size; growth is linear when a host costs no more in the largest cluster than in the smallest."""
    runs = {size: measure(size) for size in SIZES}
    per_host = {size: run.cpu / size for size, run in runs.items()}
    tasks = {
        size: max(n for host, n in run.tasks_of_hosts().items() if host != "localhost") for size, run in runs.items()
    }
    bench = Bench("growth", "Growth with the hosts")
    bench.figures = [
        Figure("tasks of a host, 50 hosts − 5 hosts", tasks[50] - tasks[5], 0),
        Figure("CPU of a host, 20 hosts ÷ 5 hosts", per_host[20] / per_host[5], 1.1),
        Figure("CPU of a host, 50 hosts ÷ 20 hosts", per_host[50] / per_host[20], 1.1),
    ]
    head = ["hosts", "tasks of the play", "tasks of a host", "CPU seconds", "CPU seconds a host", "seconds"]
    rows = [[s, len(runs[s].tasks), tasks[s], runs[s].cpu, per_host[s], runs[s].seconds] for s in SIZES]
    bench.tables = [Table("An installation in check mode, 3 managers and the rest host nodes", head, rows)]
    return bench.publish()


if __name__ == "__main__":
    raise SystemExit(main())
