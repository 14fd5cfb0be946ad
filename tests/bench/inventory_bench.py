#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `ansible-inventory --list` costs with stacks of 1,000 and 10,000 hosts, beside the least that a plugin can do and a peer.

The state is one aws_instance with `count`, 60 attributes an instance, made from a seed. `bare` is a plugin of 30 lines that does
json.load and add_host and nothing else, so its hosts have no variables; `floor` sets the same variables and groups as ours
from the same file, by the shortest and quickest code there is. Ratios are of CPU time, which other work on the machine disturbs least.
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
    "note": "key_name | default('none', true) | string",
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
    """A state of HOSTS instances, 5.6 kB of JSON apiece: as Terraform wrote one (aws_instance.json), with what differs made from SEED."""
    draw = random.Random(seed)
    written = json.loads((HERE / "aws_instance.json").read_text(encoding="utf-8"))
    disk = written["root_block_device"][0]

    def text(length: int) -> str:
        return f"{draw.getrandbits(4 * length):0{length}x}"

    instances = []
    for number in range(hosts):
        tags = {"Name": f"node{number:05d}", "Env": "prod", "Owner": text(8)}
        attributes = {
            **written,
            "id": f"i-{text(17)}",
            "private_ip": f"10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}",
            "instance_type": draw.choice(["m5.large", "m5.xlarge"]),
            "availability_zone": "eu-central-1" + draw.choice("abc"),
            "key_name": draw.choice(["", "operators"]),
            "user_data": text(40),
            "ebs_block_device": [
                {**disk, "device_name": f"/dev/sd{letter}", "volume_id": f"vol-{text(17)}", "snapshot_id": text(17)}
                for letter in "bcd"
            ],
            "tags": tags,
            "tags_all": tags,
        }
        instances.append(
            {
                "index_key": number,
                "schema_version": 1,
                "attributes": attributes,
                "sensitive_attributes": [],
                "private": text(460),
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


def listed(folder: Path, source: str, document: dict[str, Any], plugins: str, **environment: str) -> Run:
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
            [Path(sys.executable).parent / "ansible-inventory", "-i", folder / source, "--list"],
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


def contest(folder: Path, hosts: int, ours: dict[str, dict[str, Any]]) -> dict[str, Run]:
    """The quickest of three runs of bare, floor and each of OURS (a name and more of the stacks file), all in turn."""
    state_file = {"state": str(folder / f"{hosts}.json")}
    kinds = {
        "bare": ("bare.yml", {"plugin": "bare", **state_file}, "bare"),
        "floor": ("floor.yml", {"plugin": "floor", **state_file}, "floor"),
        **{
            name: ("x.stacks.yml", stacks(f"{hosts}.json", **more), "keelson.cluster.stacks")
            for name, more in ours.items()
        },
    }
    runs: dict[str, list[Run]] = {kind: [] for kind in kinds}
    for _round in range(3):
        for kind, (source, document, plugins) in kinds.items():
            runs[kind].append(listed(folder, source, document, plugins))
    best = {kind: min(these, key=lambda run: run.cpu) for kind, these in runs.items()}
    assert {run.hosts for run in best.values()} == {hosts}
    return best


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
    """cloud.terraform on the same state with four compose expressions, where it is found: one run, or why there is none.

    KEELSON_BENCH_PEER_COLLECTIONS: a collections path with cloud.terraform. It asks Terraform, which needs the AWS provider,
    from where Terraform is told to look or from the mirror KEELSON_TEST_TERRAFORM_PLUGINS.
    """
    collections = os.environ.get("KEELSON_BENCH_PEER_COLLECTIONS", "")
    if not collections:
        return (
            None,
            "cloud.terraform is in no bundle of Ansible: set KEELSON_BENCH_PEER_COLLECTIONS to a path that has it",
        )
    if not shutil.which("terraform"):
        return None, "cloud.terraform needs terraform on PATH"
    environment = {"CHECKPOINT_DISABLE": "1", "ANSIBLE_COLLECTIONS_PATH": collections}
    mirror = os.environ.get("KEELSON_TEST_TERRAFORM_PLUGINS")
    if mirror:
        environment["TF_CLI_CONFIG_FILE"] = str(folder / "terraformrc")
        (folder / "terraformrc").write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n', encoding="utf-8"
        )
    document = {
        "plugin": "cloud.terraform.terraform_state",
        "backend_type": "local",
        "backend_config": {"path": str(folder / f"{hosts}.json")},
        "hostnames": ["tag:Name"],
        "compose": dict(list(COMPOSE.items())[:4]),
    }
    run = listed(folder, "terraform_state.yml", document, "cloud.terraform.terraform_state", **environment)
    assert run.hosts == hosts, f"cloud.terraform found {run.hosts} hosts"
    return run, ""


def main() -> int:
    """Measure and publish. With a number and a path, write a state of that many hosts there instead."""
    bench = Bench("inventory", "Inventory of 1,000 and 10,000 hosts")
    few = dict(list(COMPOSE.items())[:4])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for hosts in (1000, 10000):
            # In a process of its own: the peak memory of a child is never below what its parent has when it starts it.
            subprocess.run([sys.executable, __file__, str(hosts), folder / f"{hosts}.json"], check=True)
        thousand = contest(folder, 1000, {"ours": {}})
        extras = {
            "ours": {},
            "ours with 4 compose": {"compose": few},
            "ours with 8 compose and 3 keyed groups": {"compose": COMPOSE, "keyed_groups": KEYED},
        }
        ten = contest(folder, 10000, extras)
        for hosts, runs, seconds in ((1000, thousand, 1.1), (10000, ten, 7)):
            bench.figures += [
                Figure(f"{hosts:,} hosts, --list", runs["ours"].wall, seconds, "s"),
                Figure(
                    f"{hosts:,} hosts, CPU ÷ bare (json.load and add_host)", runs["ours"].cpu / runs["bare"].cpu, 1.3
                ),
                Figure(
                    f"{hosts:,} hosts, CPU ÷ floor with the same variables", runs["ours"].cpu / runs["floor"].cpu, 1.3
                ),
            ]
        full, four = ten["ours with 8 compose and 3 keyed groups"], ten["ours with 4 compose"]
        bench.figures += [
            Figure("10,000 hosts, 8 compose and 3 keyed groups, CPU ÷ floor", full.cpu / ten["floor"].cpu, 2),
            Figure("10,000 hosts, load alone", load_seconds(folder, stacks("10000.json")), 3, "s"),
            Figure("10,000 hosts, peak memory", ten["ours"].memory, 300, "MiB"),
        ]
        other, why = peer(folder, 10000)
        if other:
            ten["cloud.terraform with 4 compose"] = other
            bench.figures.append(Figure("10,000 hosts, 4 compose, CPU ÷ cloud.terraform", four.cpu / other.cpu, 0.2))
        else:
            bench.notes.append(f"No peer was measured. {why}.")
    rows = [
        [f"{hosts:,} hosts, {kind}", run.wall, run.cpu, run.memory]
        for hosts, runs in ((1000, thousand), (10000, ten))
        for kind, run in runs.items()
    ]
    bench.tables.append(
        Table("`ansible-inventory --list`, the quickest of three in turn", ["", "wall s", "CPU s", "peak MiB"], rows)
    )
    bench.notes.append(
        "Hosts of `bare` have no variables and no groups. What `floor` takes above it is Ansible's own work of combining and "
        "printing the ten variables of each host."
    )
    return bench.publish()


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[2]).write_text(json.dumps(state(int(sys.argv[1])), indent=2), encoding="utf-8")
        raise SystemExit(0)
    raise SystemExit(main())
