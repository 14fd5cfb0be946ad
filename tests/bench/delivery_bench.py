#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench: what a stage of a pipeline adds to its playbooks, AWX's objects applied twice, and a cluster beside four others.

CPU time is measured, which other work on the machine disturbs least.
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
from growth_bench import ENGINES, inventory

sys.path.insert(0, str(ROOT / "tests/integration/awx"))

from fake_awx import FakeAwx  # noqa: E402
from lab.runs import run  # noqa: E402

PLAY = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "seen"}}]}]


def cpu(folder: Path, command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """CPU seconds of a run that ends well; of a stage with those of its playbooks."""
    before = os.times()
    run(command, folder / "run.jsonl", environment or {}, timeout=3600).expect()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def stage(folder: Path) -> tuple[float, float]:
    """A playbook alone, and as a stage."""
    playbook, results = folder / "own.yml", folder / "results"
    playbook.write_text(json.dumps(PLAY))
    content = {"name": "own", "results": str(results), "stages": {"only": {"playbooks": [str(playbook)]}}}
    (folder / "pipeline.yml").write_text(yaml.safe_dump(content))
    begin = ["ansible-playbook", "-i", "localhost,", "-c", "local"]
    given = [f"pipeline={folder}/pipeline.yml", "pipeline_stage=only", f"pipeline_key={folder}/key.pem"]
    alone = cpu(folder, [*begin, str(playbook)])
    return alone, cpu(folder, [*begin, "keelson.cluster.pipeline", *(part for text in given for part in ("-e", text))])


def awx(folder: Path) -> tuple[float, float]:
    """The example's objects applied twice to the stand-in of AWX's API."""
    fake = FakeAwx()
    access = {"CONTROLLER_HOST": fake.url, "CONTROLLER_OAUTH_TOKEN": "token", "CONTROLLER_VERIFY_SSL": "false"}
    command = ["ansible-playbook", "-i", "localhost,", str(ROOT / "examples/awx/apply.yml")]
    first, second = (cpu(folder, command, access) for _time in range(2))
    fake.server.shutdown()
    return first, second


def beside(folder: Path, engine: str, clusters: int) -> float:
    """An installation of five hosts in check mode, of one of so many clusters in the inventory."""
    found = {}
    for number in range(clusters):
        text = json.dumps(inventory(engine, 5)).replace("fake", f"fake{number}").replace('"h', f'"n{number}h')
        text = text.replace(f'"n{number}hosts"', '"hosts"')
        found.update(
            json.loads(text.replace("127.0.1.", f"127.0.{number + 1}."))["all"]["children"]["clusters"]["children"]
        )
    path = folder / "hosts.yml"
    path.write_text(json.dumps({"all": {"children": {"clusters": {"children": found}}}}))
    command = ["ansible-playbook", "-i", str(path), "keelson.cluster.install", "--check", "-e", "cluster=fake0"]
    return run(command, folder / "run.jsonl", {"ANSIBLE_FORKS": "4"}).expect().cpu


def main() -> int:
    """Measure, publish, and say whether the promises are kept."""
    bench = Bench("delivery", "Delivery")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone, staged = stage(folder)
        first, second = awx(folder)
        shares = {engine: (beside(folder, engine, 1), beside(folder, engine, 5)) for engine in ENGINES}
    bench.figures.append(Figure("a stage of a pipeline adds to its playbook, CPU", staged - alone, 5.0, "s"))
    bench.figures.append(Figure("objects of AWX applied again ÷ the first time, CPU", second / first, 0.5))
    for engine, (one, five) in shares.items():
        bench.figures.append(Figure(f"{engine}: CPU of a host, five clusters in the inventory ÷ one", five / one, 1.1))
    rows = [["a playbook alone", alone], ["the same as a stage", staged], ["AWX, first", first], ["AWX, again", second]]
    bench.tables.append(Table("What lies behind them", ["run", "CPU seconds"], rows))
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
