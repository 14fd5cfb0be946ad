#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tasks and the controller's CPU time grow with the hosts: installations in check mode on fake hosts.

A fake host is this machine by Ansible's local connection, so the CPU time holds what a real host would spend on its
modules too; it is the same for every host and says nothing about growth. A host added alone (`--limit`) must cost the same
in a large cluster as in a small one, and a cluster the same beside four others in the inventory as alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from figures import ROOT, Bench, Figure, Table

sys.path.insert(0, str(ROOT / ".ansible" / "collections"))
sys.path.insert(0, str(ROOT / "tests"))

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import Engine
from lab.runs import Run, run  # noqa: E402
from lab.servers import driver

ENGINES = [name for name, component in components.known().items() if isinstance(component, Engine)]
SIZES: dict[str, tuple[int, ...]] = {engine: driver(engine).SIZES for engine in ENGINES}
# What fake hosts cannot but have: all are one machine.
IGNORED = [
    "duplicate machine-id",
    "duplicate hostname",
    "address",
    "connection",
    "feature",
    "foreign cluster",
    "leftovers",
    "memory",
    "port",
    "system",
]


def inventory(engine: str, size: int, clusters: int = 1) -> dict[str, object]:
    """Clusters of the same size, each of three managers and host nodes of one pool."""
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "cluster_engine": engine,
        "cluster_become": False,
        "preflight_ignore": IGNORED,
    }
    children = {f"fake{number}": cluster(number, size) for number in range(1, clusters + 1)}
    return {"all": {"children": {"clusters": {"vars": shared, "children": children}}}}


def cluster(number: int, size: int) -> dict[str, object]:
    """The group of one cluster; each has addresses of its own."""
    name = f"fake{number}"

    def hosts(first: int, last: int) -> dict[str, dict[str, str]]:
        return {f"{name}-h{host}": {"cluster_address": f"127.0.{number}.{host}"} for host in range(first, last + 1)}

    pool = {f"{name}_pool_web": {"vars": {"cluster_pool": "web"}, "hosts": hosts(4, size)}}
    parts = {
        f"{name}_managers": {"vars": {"cluster_part": "manager"}, "hosts": hosts(1, 3)},
        f"{name}_nodes": {"vars": {"cluster_part": "node"}, "children": pool},
    }
    return {"vars": {"cluster_name": name, "cluster_vip": f"127.0.{number}.250"}, "children": parts}


def measure(engine: str, size: int, *options: str, clusters: int = 1) -> Run:
    """One run in check mode, for the first cluster of the inventory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hosts.yml")
        path.write_text(json.dumps(inventory(engine, size, clusters)), encoding="utf-8")
        command = ["ansible-playbook", "-i", str(path), "keelson.cluster.install", "--check", "-e", "cluster=fake1"]
        return run([*command, *options], Path(folder, "run.jsonl"), {"ANSIBLE_FORKS": "4"}).expect()


def busiest(run: Run) -> int:
    """Tasks of the host that had most of them."""
    return max(number for host, number in run.tasks_of_hosts().items() if host != "localhost")


def grow(engine: str) -> tuple[list[Figure], Table]:
    """Growth is linear when a host costs no more in a larger cluster than in the next smaller one."""
    sizes = SIZES[engine]
    runs = {size: measure(engine, size) for size in sizes}
    figures = [Figure(f"{engine}: tasks of a host, 50 hosts − 5 hosts", busiest(runs[50]) - busiest(runs[5]), 0)]
    for small, large in zip(sizes, sizes[1:]):
        ratio = (runs[large].cpu / large) / (runs[small].cpu / small)
        figures.append(Figure(f"{engine}: CPU of a host, {large} hosts ÷ {small} hosts", ratio, 1.1))
    head = ["hosts", "tasks of the play", "tasks of a host", "CPU seconds", "CPU seconds a host", "seconds"]
    rows = [[s, len(runs[s].tasks), busiest(runs[s]), runs[s].cpu, runs[s].cpu / s, runs[s].seconds] for s in sizes]
    return figures, Table(f"{engine}: an installation in check mode, 3 managers and the rest host nodes", head, rows)


def main() -> int:
    """Measure every engine at its sizes, and one host that joins alone."""
    bench = Bench("growth", "Growth with the hosts")
    for engine in SIZES:
        figures, table = grow(engine)
        alone = {size: measure(engine, size, "--limit", f"fake1-h{size}") for size in (5, 50)}
        figures.append(Figure(f"{engine}: CPU of one more host, 50 hosts ÷ 5 hosts", alone[50].cpu / alone[5].cpu, 1.1))
        together = {number: measure(engine, 5, clusters=number) for number in (1, 5)}
        text = f"{engine}: CPU of a host, five clusters in the inventory ÷ one"
        bench.figures += [*figures, Figure(text, together[5].cpu / together[1].cpu, 1.1)]
        rows = [[size, len(run.tasks), run.cpu, run.seconds] for size, run in alone.items()]
        head = ["hosts", "tasks of the play", "CPU seconds", "seconds"]
        bench.tables += [table, Table(f"{engine}: `--limit` one new host, in check mode", head, rows)]
        rows = [[number, len(run.tasks), run.cpu, run.seconds] for number, run in together.items()]
        head = ["clusters in the inventory", *head[1:]]
        bench.tables.append(Table(f"{engine}: an installation of one of them, 5 hosts each, in check mode", head, rows))
    return bench.publish()


if __name__ == "__main__":
    raise SystemExit(main())
