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
from conftest import ROOT, Run  # type: ignore[import-not-found]

README = (ROOT / "README.md").read_text()


def block(first_line: str) -> str:
    """The code block of the README that begins with this line."""
    found = re.findall(rf"^```\w+\n({re.escape(first_line)}\n.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks begin with {first_line}"
    return str(found[0])


def server(name: str, number: int, index: int | None) -> dict[str, object]:
    """An instance as Terraform's AWS provider writes it into the state."""
    attributes = {
        "id": f"i-0abc{number}",
        "ami": "ami-0123",
        "instance_state": "running",
        "instance_type": "t3.medium",
        "private_dns": f"ip-10-0-1-1{number}.eu-central-1.compute.internal",
        "private_ip": f"10.0.1.1{number}",
        "public_dns": "",
        "public_ip": "",
        "subnet_id": "subnet-01",
        "tags": {"Name": name},
        "tags_all": {"Name": name},
    }
    instance = {"schema_version": 1, "attributes": attributes, "sensitive_attributes": []}
    return instance if index is None else {"index_key": index, **instance}


def resource(name: str, instances: list[dict[str, object]]) -> dict[str, object]:
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    return {"mode": "managed", "type": "aws_instance", "name": name, "provider": provider, "instances": instances}


def state() -> str:
    resources = [
        resource("manager", [server("manager", 0, None)]),
        resource("web", [server(f"web-{number}", number, number - 1) for number in (1, 2)]),
    ]
    top = {"version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "0d1f8a6e-0c5e-7b55-1a2b-3c4d5e6f7a8b"}
    return json.dumps({**top, "outputs": {}, "resources": resources, "check_results": None})


def test_the_stacks_file_of_the_readme_loads_as_it_stands(ansible: Run, tmp_path: Path) -> None:
    (tmp_path / "product.stacks.yml").write_text(block("# product.stacks.yml"))
    (tmp_path / "ansible.cfg").write_text(block("# ansible.cfg"))
    (tmp_path / "terraform.tfstate").write_text(state())
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
