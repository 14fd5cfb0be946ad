# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three stacks of ./code, applied by a real Terraform or OpenTofu, as Ansible lists them, and the offline stage on their code."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from servers import stack_tool
from stacks_world import World
from test_plugin import ROOT, ansible, listed


@pytest.fixture
def applied(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The three stacks of ./code, applied just now."""
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.setenv("TF_VAR_network_state", "../network/terraform.tfstate")
    shutil.copytree(ROOT / "tests" / "integration" / "stacks" / "code", world.folder / "code")
    for stack in ("network", "managers", "nodes"):
        terraform(world, stack, "init")
        terraform(world, stack, "apply", "-auto-approve")
        world.document["stacks"][stack] = {"state": f"code/{stack}"}
    return world


def terraform(world: World, stack: str, *arguments: str) -> str:
    done = subprocess.run(
        [stack_tool(), *arguments], cwd=world.folder / "code" / stack, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_real_stacks(applied: World) -> None:
    hosts = listed(applied)["_meta"]["hostvars"]
    assert sorted(hosts) == ["batch0", "m1", "m2", "m3", "web0", "web1"]
    applied.document["stacks"]["nodes"] = {"pull": "code/nodes"}
    assert listed(applied)["product_pool_web"]["hosts"] == ["web0", "web1"]
    terraform(applied, "nodes", "workspace", "new", "qa")
    terraform(applied, "nodes", "apply", "-auto-approve")
    for entry in (
        {"pull": "code/nodes", "workspace": "qa"},
        {"state": "code/nodes/terraform.tfstate", "workspace": "qa"},
    ):
        applied.document["stacks"]["nodes"] = entry
        assert listed(applied)["_meta"]["hostvars"]["web0"]["stack"]["workspace"] == "qa"
    (applied.folder / "plan.json").write_text(terraform(applied, "nodes", "show", "-json"))
    applied.document["stacks"]["nodes"] = {"show": "plan.json"}
    assert listed(applied)["product_pool_web"]["hosts"] == ["web0", "web1"]


def test_a_newer_network_stack_is_noticed(applied: World) -> None:
    path = applied.folder / "code" / "network" / "main.tf"
    path.write_text(path.read_text().replace("10.61.3.0/24", "10.61.0.0/16"))
    terraform(applied, "network", "apply", "-auto-approve")
    done = ansible(applied, "ansible-inventory", "--list")
    assert done.returncode == 0
    assert "was applied against an older network stack: vlans changed since" in done.stderr


def test_offline_playbook(applied: World) -> None:
    code = json.dumps(
        {
            "offline_file": applied.path,
            "offline_code": {name: f"code/{name}" for name in ("network", "managers", "nodes")},
        }
    )
    done = ansible(applied, "ansible-playbook", str(ROOT / "playbooks" / "offline.yml"), "-e", code)
    assert done.returncode == 0, done.stdout + done.stderr
    applied.cluster()["pools"]["web"]["hosts"] = "nodes.resources.module.web.terraform_data.wbe"
    done = ansible(
        applied,
        "ansible-playbook",
        str(ROOT / "playbooks" / "offline.yml"),
        "-e",
        code,
        "-i",
        "localhost,",
        strict=False,
    )
    assert done.returncode == 2
    assert (
        "declares no resource of that address. Declare it; addresses there: module.web.terraform_data.web."
        in done.stdout + done.stderr
    )
