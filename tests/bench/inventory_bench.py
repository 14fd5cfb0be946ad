#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `ansible-inventory --list` costs with stacks of 1,000 and 10,000 hosts, beside the least that a plugin can do and a peer.

The state is one resource with `count`, 60 attributes an instance, made from a seed. `bare` is a plugin of 30 lines that does
json.load and add_host and nothing else, so its hosts have no variables; `floor` sets the same variables and groups as ours
from the same file, by the shortest code there is. Ratios are of CPU time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from figures import Bench, Figure, Table

HERE = Path(__file__).parent
COLLECTIONS = HERE.parents[1] / ".ansible" / "collections"
ADDRESS = "s.resources.aws_instance.node"
COMPOSE = {
    "zone": "availability_zone",
    "kind": "instance_type",
    "owner": "tags.Owner",
    "stage": "tags.Env",
    "fqdn": "tags.Name ~ '.example.org'",
    "small": "instance_type == 'm5.large'",
    "short": "tags.Owner[:4] | upper",
    "note": "attribute_00_of_the_resource | default('none', true) | string",
}
KEYED = [
    {"key": "availability_zone", "prefix": "zone"},
    {"key": "instance_type", "prefix": "kind"},
    {"key": "tags.Env", "prefix": "env"},
]


class Run(NamedTuple):
    """One `ansible-inventory --list`: seconds of wall and CPU time, peak memory in MiB, hosts printed."""

    wall: float
    cpu: float
    memory: float
    hosts: int


def state(hosts: int, seed: int = 1) -> dict[str, Any]:
    """A state of HOSTS instances with 60 attributes each, 5.6 kB of JSON apiece as providers write it."""
    draw = random.Random(seed)

    def text(length: int) -> str:
        return f"{draw.getrandbits(4 * length):0{length}x}"

    instances = []
    for number in range(hosts):
        attributes: dict[str, Any] = {
            "id": f"i-{text(17)}",
            "private_ip": f"10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}",
            "tags": {"Name": f"node{number:05d}", "Env": "prod", "Owner": text(8)},
            "instance_type": draw.choice(["m5.large", "m5.xlarge"]),
            "availability_zone": "eu-central-1" + draw.choice("abc"),
        }
        for field in range(60 - len(attributes)):
            kinds = [
                text(60),
                text(54),
                text(70),
                text(40),
                None,
                True,
                draw.randint(0, 10**9),
                {"enabled": True, "name": text(40)},
                [text(24)],
            ]
            attributes[f"attribute_{field:02d}_of_the_resource"] = draw.choice(kinds)
        instances.append(
            {
                "index_key": number,
                "schema_version": 1,
                "attributes": attributes,
                "sensitive_attributes": [],
                "private": text(60),
            }
        )
    node = {
        "mode": "managed",
        "type": "aws_instance",
        "name": "node",
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": instances,
    }
    return {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 7,
        "lineage": "4f1b5e7a-0000-4000-8000-000000000001",
        "outputs": {},
        "resources": [node],
    }


def stacks(name: str, **more: Any) -> dict[str, Any]:
    """A stacks file for one cluster of all hosts."""
    return {
        "plugin": "keelson.cluster.stacks",
        "stacks": {"s": {"state": name}},
        **more,
        "clusters": {"big": {"engine": "managed", "pools": {"node": {"hosts": ADDRESS}}}},
    }


def listed(
    folder: Path, source: str, document: dict[str, Any], plugins: str, python: str = sys.executable, **environment: str
) -> Run:
    """Run `ansible-inventory --list` once on a source file of this content."""
    (folder / source).write_text(json.dumps(document), encoding="utf-8")
    out, configuration = folder / "out.json", folder / "ansible.cfg"
    configuration.touch()
    settings = {
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_INVENTORY_PLUGINS": str(HERE / "inventory_floor"),
        "ANSIBLE_INVENTORY_ENABLED": plugins,
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_HOME": str(folder / "home"),
        **environment,
    }
    start = time.monotonic()
    with open(out, "wb") as handle:
        process = subprocess.Popen(
            [Path(python).parent / "ansible-inventory", "-i", folder / source, "--list"],
            stdout=handle,
            env={**os.environ, **settings},
            cwd=folder,
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status:
        raise SystemExit(f"{source}: ansible-inventory failed with {status}")
    names = set(re.findall(rb'"node[0-9]{5}"', out.read_bytes()))
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, len(names))


def best(*args: Any, **kwargs: Any) -> Run:
    """The quickest of three runs: what the machine can do when nothing else disturbs."""
    return min((listed(*args, **kwargs) for _ in range(3)), key=lambda run: run.cpu)


def load_seconds(folder: Path, document: dict[str, Any]) -> float:
    """CPU seconds of reading and building alone, without Ansible."""
    code = (
        "import json, sys, time; from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load; start = time.process_time();"
        "load.load(json.loads(sys.argv[1]), sys.argv[2]); print(time.process_time() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(document), str(folder / "x.stacks.yml")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
    )
    return float(done.stdout)


def peer(folder: Path, hosts: int) -> tuple[Run | None, str]:
    """cloud.terraform on the same state with four compose expressions, where it is installed: the run, or why there is none."""
    python = os.environ.get("KEELSON_BENCH_PEER_PYTHON", "")
    if not python:
        return (
            None,
            "cloud.terraform is in no bundle of Ansible that is supported here: set KEELSON_BENCH_PEER_PYTHON to the Python of an environment that has it",
        )
    if not shutil.which("terraform"):
        return None, "cloud.terraform needs terraform on PATH"
    project = folder / "peer"
    project.mkdir(exist_ok=True)
    shutil.copy(folder / f"{hosts}.json", project / "terraform.tfstate")
    document = {
        "plugin": "cloud.terraform.terraform_state",
        "backend_type": "local",
        "backend_config": {"path": str(project / "terraform.tfstate")},
        "compose": dict(list(COMPOSE.items())[:4]),
    }
    return listed(
        folder, "terraform_state.yml", document, "cloud.terraform.terraform_state", python, CHECKPOINT_DISABLE="1"
    ), ""


def main() -> int:
    """Measure and publish. With a number and a path, write a state of that many hosts there instead."""
    bench = Bench("inventory", "Inventory of 1,000 and 10,000 hosts")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for hosts in (1000, 10000):
            # In a process of its own: the peak memory of a child is never below what its parent has when it starts it.
            subprocess.run([sys.executable, __file__, str(hosts), folder / f"{hosts}.json"], check=True)
            floor = {"state": str(folder / f"{hosts}.json")}
            bare = best(folder, "bare.yml", {"plugin": "bare", **floor}, "bare")
            least = best(folder, "floor.yml", {"plugin": "floor", **floor}, "floor")
            ours = best(folder, "x.stacks.yml", stacks(f"{hosts}.json"), "keelson.cluster.stacks")
            assert ours.hosts == least.hosts == bare.hosts == hosts
            rows += [
                [f"{hosts:,} hosts, {kind}", run.wall, run.cpu, run.memory]
                for kind, run in (("bare", bare), ("floor", least), ("ours", ours))
            ]
            bench.figures.append(Figure(f"{hosts:,} hosts, --list", ours.wall, 1.1 if hosts == 1000 else 7, "s"))
            bench.figures.append(
                Figure(f"{hosts:,} hosts, CPU ÷ bare (json.load and add_host)", ours.cpu / bare.cpu, 1.5)
            )
            bench.figures.append(
                Figure(f"{hosts:,} hosts, CPU ÷ floor with the same variables", ours.cpu / least.cpu, 1.3)
            )
        full = best(
            folder, "x.stacks.yml", stacks("10000.json", compose=COMPOSE, keyed_groups=KEYED), "keelson.cluster.stacks"
        )
        rows.append(["10,000 hosts, ours with 8 compose and 3 keyed groups", full.wall, full.cpu, full.memory])
        four = best(
            folder,
            "x.stacks.yml",
            stacks("10000.json", compose=dict(list(COMPOSE.items())[:4])),
            "keelson.cluster.stacks",
        )
        rows.append(["10,000 hosts, ours with 4 compose", four.wall, four.cpu, four.memory])
        bench.figures.append(Figure("10,000 hosts, 8 compose and 3 keyed groups, CPU ÷ floor", full.cpu / least.cpu, 2))
        bench.figures.append(Figure("10,000 hosts, load alone", load_seconds(folder, stacks("10000.json")), 3, "s"))
        bench.figures.append(Figure("10,000 hosts, peak memory", ours.memory, 300, "MiB"))
        other, why = peer(folder, 10000)
        if other:
            rows.append(["10,000 hosts, cloud.terraform with 4 compose", other.wall, other.cpu, other.memory])
            bench.figures.append(Figure("10,000 hosts, 4 compose, CPU ÷ cloud.terraform", four.cpu / other.cpu, 0.2))
        else:
            bench.notes.append(f"No peer was measured. {why}.")
    bench.tables.append(
        Table("`ansible-inventory --list`, the quickest of three", ["", "wall s", "CPU s", "peak MiB"], rows)
    )
    return bench.publish()


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[2]).write_text(json.dumps(state(int(sys.argv[1])), indent=2), encoding="utf-8")
        raise SystemExit(0)
    raise SystemExit(main())
