# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stacks file against code, before anything is applied."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import code as hcl
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import offline
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError

NETWORK = """
variable "block" {
  type    = string
  default = "10.0.0.0/16"
}
locals {
  vlans = { managers = cidrsubnet(var.block, 8, 1), web = cidrsubnet(var.block, 12, 32), batch = "10.0.3.0/24" }
}
output "vlans" { value = local.vlans }
output "endpoint" { value = "https://${cidrsubnet(var.block, 8, 1)}:4646" }
output "number" { value = 7 }
output "later" { value = aws_vpc.main.id }
resource "aws_vpc" "main" { cidr_block = var.block }
"""
NODES = """
variable "sizes" { default = { web = 3 } }
module "web" {
  source = "./pool"
  most   = var.sizes.web
}
module "far" {
  source  = "terraform-aws-modules/ec2-instance/aws"
}
resource "aws_instance" "manager" {
  for_each = toset(["a", "b", "c"])
}
resource "aws_autoscaling_group" "batch" {
  min_size = 1
  max_size = length([1, 2, 3, 4])
}
output "batch" { value = [for x in aws_instance.manager : x.id] }
"""
POOL = """
variable "most" { type = number }
resource "aws_instance" "web" { count = var.most }
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Two stacks of code, and no binary on PATH."""
    (tmp_path / "nodes" / "pool").mkdir(parents=True)
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "main.tf").write_text(NETWORK)
    (tmp_path / "nodes" / "main.tf").write_text(NODES)
    (tmp_path / "nodes" / "pool" / "main.tf").write_text(POOL)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def findings(folder: pathlib.Path, **changes: Any) -> dict[str, tuple[bool | None, str]]:
    """What the check finds about a cluster with CHANGES, by title."""
    cluster = {
        "engine": "nomad",
        "endpoint": "network.outputs.endpoint",
        "networks": "network.outputs.vlans",
        "managers": {"hosts": "nodes.resources.aws_instance.manager"},
        "pools": {
            "web": {"hosts": 'nodes.resources.module.*.aws_instance.web["x"]'},
            "batch": {"hosts": "nodes.resources.aws_autoscaling_group.batch"},
        },
        **changes,
    }
    document = {
        "stacks": {"network": {"state": "network/terraform.tfstate"}, "nodes": {"s3": "s3://b/k"}},
        "clusters": {"c": cluster},
    }
    checks = offline.check(document, str(folder / "c.stacks.yml"), {"nodes": "nodes"})
    return {check.title: (check.passed, check.evidence) for check in checks}


def test_good_code(folder: pathlib.Path) -> None:
    found = findings(folder)
    assert [title for title, (passed, _) in found.items() if passed is False] == []
    nodes = folder / "nodes"
    assert found["code of stack nodes"] == (True, str(nodes))
    assert found["clusters.c.endpoint: network.outputs.endpoint"] == (True, f"declared in {folder}/network, a string")
    assert (
        found["clusters.c.managers.hosts: nodes.resources.aws_instance.manager"][1]
        == "declared: aws_instance.manager, 3 at most"
    )
    assert (
        found["clusters.c.pools.batch.hosts: nodes.resources.aws_autoscaling_group.batch"][1]
        == "declared: aws_autoscaling_group.batch, 4 at most"
    )
    assert found["clusters.c.networks.web holds its part"] == (True, "10.0.2.0/28 has room for 11, it grows to 3")
    assert found["clusters.c.networks hold the cluster"] == (True, "room for 513, it grows to 10")
    assert found["format and validity of stack network"] == (None, "neither terraform nor tofu is on PATH")


@pytest.mark.parametrize(
    ("changes", "title", "evidence"),
    [
        ({"endpoint": "network.outputs.endpiont"}, "clusters.c.endpoint: network.outputs.endpiont", "declares no output endpiont"),
        ({"endpoint": "net.outputs.x"}, "clusters.c.endpoint: net.outputs.x", "there is no stack net"),
        ({"networks": "network.outputs.number"}, "clusters.c.networks: network.outputs.number", "it is a number"),
        ({"endpoint": "network.outputs.vlans"}, "clusters.c.endpoint: network.outputs.vlans", "it is a map"),
        ({"endpoint": "network.resources.aws_vpc.main"}, "clusters.c.endpoint: network.resources.aws_vpc.main", "it names resources"),
        ({"managers": {"hosts": "nodes.resources.aws_instance.boss"}}, "clusters.c.managers.hosts: nodes.resources.aws_instance.boss", "declares no resource"),
        ({"managers": {"hosts": "nodes.outputs.gone"}}, "clusters.c.managers.hosts: nodes.outputs.gone", "declares no output gone"),
        ({"vars": {"a": "network.outputs.gone"}}, "clusters.c.vars.a: network.outputs.gone", "declares no output gone"),
        ({"networks": {"a": "10.0.0.0/24", "b": "10.0.0.128/25"}}, "clusters.c.networks", "a 10.0.0.0/24 and b 10.0.0.128/25 overlap"),
        ({"networks": {"web": "10.0.0.0/29", "b": "10.1.0.0/16"}}, "clusters.c.networks.web holds its part", "has room for 3, it grows to 3"),
        ({"networks": ["10.0.0.0/29"]}, "clusters.c.networks hold the cluster", "room for 3, it grows to 10"),
        ({"networks": ["10.0.0.1"], "pools": {}}, "clusters.c.networks hold the cluster", "room for 0, it grows to 3"),
    ],
)  # fmt: skip
def test_faults(folder: pathlib.Path, changes: dict[str, Any], title: str, evidence: str) -> None:
    passed, found = findings(folder, **changes)[title]
    assert evidence in found
    assert passed is False or "room for 3, it grows to 3" in evidence


def test_references_are_checked_wherever_they_stand(folder: pathlib.Path) -> None:
    found = findings(
        folder,
        networks={"web": "network.outputs.vlans.web", "dmz": "network.outputs.gone"},
        environment="network.outputs.stage",
        vars={"a": [{"b": "network.outputs.gone"}, {"sensitive": "network.outputs.later"}]},
        managers={"hosts": {"m1": "nodes.resources.aws_instance.boss", "m2": {"address": "network.outputs.gone"}}},
        pools={"web": {"hosts": ["nodes.resources.aws_instance.manager"], "labels": {"a": "network.outputs.gone"}}},
    )
    assert {
        title: passed for title, (passed, _evidence) in found.items() if ".outputs." in title or "_instance" in title
    } == {
        "clusters.c.networks.web: network.outputs.vlans.web": True,
        "clusters.c.networks.dmz: network.outputs.gone": False,
        "clusters.c.environment: network.outputs.stage": False,
        "clusters.c.vars.a[0].b: network.outputs.gone": False,
        "clusters.c.vars.a[1].sensitive: network.outputs.later": True,
        "clusters.c.managers.hosts.m1: nodes.resources.aws_instance.boss": False,
        "clusters.c.managers.hosts.m2.address: network.outputs.gone": False,
        "clusters.c.pools.web.hosts[0]: nodes.resources.aws_instance.manager": True,
        "clusters.c.pools.web.labels.a: network.outputs.gone": False,
        "clusters.c.endpoint: network.outputs.endpoint": True,
    }


def test_what_cannot_be_known_is_said(folder: pathlib.Path) -> None:
    assert findings(folder, networks="network.outputs.later")["clusters.c.networks"] == (
        None,
        "they are known only after the stack is applied",
    )
    far = findings(folder, managers={"hosts": "nodes.resources.module.far.aws_instance.this"})
    assert far["clusters.c.managers.hosts: nodes.resources.module.far.aws_instance.this"][0] is None


def test_broken_code_names_the_file(folder: pathlib.Path) -> None:
    (folder / "network" / "main.tf").write_text('output "x" {\n  value = = 1\n}\n')
    passed, evidence = findings(folder)["code of stack network"]
    assert (passed, evidence) == (False, f"{folder}/network/main.tf: is no HCL: line 2 cannot be understood")
    with pytest.raises(StackError, match="holds no code"):
        hcl.read(str(folder))


def test_the_binary_is_asked(folder: pathlib.Path) -> None:
    terraform = folder / "terraform"
    terraform.write_text('#!/bin/sh\n[ "$1" = validate ] || { echo main.tf; exit 3; }\n')
    terraform.chmod(0o755)
    (folder / "nodes" / ".terraform").mkdir()
    found = findings(folder)
    assert found["format of stack nodes"] == (False, "main.tf")
    assert found["validity of stack nodes"] == (True, "no difference")
    assert found["validity of stack network"][0] is None
