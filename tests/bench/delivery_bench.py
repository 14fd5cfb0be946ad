#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench: what a stage of a pipeline adds to its playbooks, AWX's objects applied twice, and an inventory of five clusters.

CPU time is measured, which other work on the machine disturbs least. An installation beside other clusters is in growth_bench.py.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from figures import ROOT, Bench, Figure, Table
from inventory_bench import ADDRESS, listed, stacks, state

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/integration/awx")]

from fake_awx import FakeAwx  # noqa: E402
from lab.runs import Run, run  # noqa: E402

PLAY = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "seen"}}]}]


def cpu(folder: Path, command: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[float, Run]:
    """CPU seconds of a run that ends well, of a stage with those of its playbooks; and the run."""
    before = os.times()
    done = run(command, folder / "run.jsonl", environment or {}, timeout=3600).expect()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, done


def stage(folder: Path) -> tuple[float, float]:
    """A playbook alone, and as a stage."""
    playbook, results = folder / "own.yml", folder / "results"
    playbook.write_text(json.dumps(PLAY))
    content = {"name": "own", "results": str(results), "stages": {"only": {"playbooks": [str(playbook)]}}}
    (folder / "pipeline.yml").write_text(yaml.safe_dump(content))
    begin = ["ansible-playbook", "-i", "localhost,", "-c", "local"]
    given = [f"pipeline={folder}/pipeline.yml", "pipeline_stage=only", f"pipeline_key={folder}/key.pem"]
    staged = [*begin, "keelson.cluster.pipeline", *(part for text in given for part in ("-e", text))]
    return cpu(folder, [*begin, str(playbook)])[0], cpu(folder, staged)[0]


def awx(folder: Path) -> tuple[float, float, int]:
    """The example's objects applied twice to the stand-in of AWX's API; how many tasks changed something the second time."""
    fake = FakeAwx()
    access = {"CONTROLLER_HOST": fake.url, "CONTROLLER_OAUTH_TOKEN": "token", "CONTROLLER_VERIFY_SSL": "false"}
    command = ["ansible-playbook", "-i", "localhost,", str(ROOT / "examples/awx/apply.yml")]
    (first, made), (second, again) = (cpu(folder, command, access) for _time in range(2))
    fake.server.shutdown()
    assert made.changed()
    return first, second, len(again.changed())


def inventories(folder: Path, hosts: int = 1000, clusters: int = 5) -> dict[int, float]:
    """`ansible-inventory --list` of so many hosts in one cluster, and in several with a stack each: CPU, the least of three in turn."""
    whole = state(hosts)
    (resource,) = whole["resources"]
    share = hosts // clusters
    documents = {1: stacks("whole.json"), clusters: {**stacks(""), "stacks": {}, "clusters": {}}}
    (folder / "whole.json").write_text(json.dumps(whole))
    for number in range(clusters):
        instances = resource["instances"][number * share : (number + 1) * share]
        part = {**whole, "lineage": f"{number}-{whole['lineage']}", "resources": [{**resource, "instances": instances}]}
        (folder / f"part{number}.json").write_text(json.dumps(part))
        documents[clusters]["stacks"][f"s{number}"] = {"state": f"part{number}.json"}
        pools = {"node": {"hosts": ADDRESS.replace("s.", f"s{number}.", 1)}}
        documents[clusters]["clusters"][f"c{number}"] = {"engine": "managed", "pools": pools}
    found: dict[int, list[float]] = {number: [] for number in documents}
    for _round in range(3):
        for number, document in documents.items():
            listing = listed(folder, f"{number}.stacks.yml", document, "keelson.cluster.stacks")
            assert listing.hosts == hosts
            found[number].append(listing.cpu)
    return {number: min(seconds) for number, seconds in found.items()}


def main() -> int:
    """Measure, publish, and say whether the promises are kept."""
    bench = Bench("delivery", "Delivery")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone, staged = stage(folder)
        first, second, changed = awx(folder)
        lists = inventories(folder)
    lines = "`ansible-inventory --list` of 1,000 hosts"
    bench.figures += [
        Figure("a stage of a pipeline adds to its playbook, CPU", staged - alone, 5.0, "s"),
        Figure("objects of AWX applied again ÷ the first time, CPU", second / first, 0.5),
        Figure("objects of AWX applied again, tasks that change something", changed, 0),
        Figure(f"{lines}: CPU of a host, five clusters ÷ one", lists[5] / lists[1], 1.1),
    ]
    rows = [["a playbook alone", alone], ["the same as a stage", staged], ["AWX, first", first], ["AWX, again", second]]
    rows += [[f"{lines}, clusters: {number}", seconds] for number, seconds in lists.items()]
    bench.tables.append(Table("What lies behind them", ["run", "CPU seconds"], rows))
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
