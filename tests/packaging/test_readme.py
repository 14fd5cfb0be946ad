# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README and the scenario tell users to write works as it stands."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import yaml
from conftest import Run  # type: ignore[import-not-found]
from lab.readme import README, block, state
from lab.runs import ROOT


def test_the_stacks_file_of_the_readme_loads_as_it_stands(ansible: Run, tmp_path: Path) -> None:
    (tmp_path / "product.stacks.yml").write_text(block("# product.stacks.yml"))
    (tmp_path / "ansible.cfg").write_text(block("# ansible.cfg"))
    (tmp_path / "terraform.tfstate").write_text(state(["10.0.1.10", "10.0.1.11", "10.0.1.12"]))
    listed = json.loads(ansible("ansible-inventory", "-i", "product.stacks.yml", "--list"))
    assert listed["product_managers"]["hosts"] == ["manager"]
    assert listed["product_pool_web"]["hosts"] == ["web-1", "web-2"]
    first = listed["_meta"]["hostvars"]["manager"]
    # Ansible prints texts that are never templates as objects.
    assert {json.dumps(first[name]) for name in ("ansible_host", "cluster_address")} == {
        json.dumps({"__ansible_unsafe": "10.0.1.10"})
    }
    assert (first["ansible_user"], first["ansible_become"]) == ("admin", True)
    ansible("ansible-playbook", "keelson.cluster.cluster_select", "-i", "product.stacks.yml")


def test_from_an_empty_machine_to_a_verified_cluster_takes_six_commands() -> None:
    part = README.split("## Use it on your servers")[1].split("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    commands = [line for text in blocks for line in text.splitlines() if line.strip()]
    assert len(commands) <= 6, commands
    for name in re.findall(r"keelson\.cluster\.(\w+)", "\n".join(c for c in commands if "ansible-playbook" in c)):
        assert (ROOT / f"playbooks/{name}.yml").exists()


def test_the_scenario_to_copy(ansible: Run, installed: Path, tmp_path: Path) -> None:
    packed = installed / "ansible_collections/keelson/cluster/extensions/molecule"
    shutil.copytree(packed, tmp_path / "molecule")
    ansible("molecule", "syntax")
    scenario = tmp_path / "molecule/default"
    assert yaml.safe_load((scenario / "converge.yml").read_text())[0]["ansible.builtin.import_playbook"].endswith(
        "install"
    )
    assert yaml.safe_load((scenario / "verify.yml").read_text())[0]["ansible.builtin.import_playbook"].endswith(
        "verify"
    )
    listed = ansible("ansible-inventory", "-i", "molecule/default/test.stacks.yml", "--graph")
    assert "m1" in listed and "w1" in listed
