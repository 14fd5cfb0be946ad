# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks of an installed collection read and write where the user stands, never in the collection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from conftest import Run  # type: ignore[import-not-found]
from lab.runs import ROOT

STACKS = """
plugin: keelson.cluster.stacks
stacks: {servers: {static: servers.json}}
clusters:
  product: {engine: nomad, managers: {hosts: servers.outputs.managers}}
"""
SERVERS = {"managers": [{"name": "m1", "private_ip": "10.0.0.1"}]}
CODE = 'output "managers" {\n  value = [{ name = "m1", private_ip = "10.0.0.1" }]\n}\n'


@pytest.fixture(autouse=True)
def collection(installed: Path, tmp_path: Path) -> object:
    (tmp_path / "product.stacks.yml").write_text(STACKS)
    (tmp_path / "servers.json").write_text(json.dumps(SERVERS))
    before = files(installed)
    yield
    assert files(installed) == before, "written into the installed collection"


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_drawing_of_the_inventory(ansible: Run, tmp_path: Path) -> None:
    ansible("ansible-playbook", "keelson.cluster.inventory_report", "-i", "product.stacks.yml")
    assert (tmp_path / "report/inventory.html").exists()


def test_the_drawing_of_a_file_named_by_a_relative_path(ansible: Run, tmp_path: Path) -> None:
    named = ["-e", "inventory_report_file=product.stacks.yml", "-e", "inventory_report_directory=drawn"]
    ansible("ansible-playbook", "keelson.cluster.inventory_report", "-i", "localhost,", *named)
    assert (tmp_path / "drawn/inventory.html").exists()


def test_the_offline_check_reads_a_relative_path(ansible: Run, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/main.tf").write_text(CODE)
    code = json.dumps({"offline_code": {"servers": "code"}})
    ansible("ansible-playbook", "keelson.cluster.offline", "-e", "offline_file=product.stacks.yml", "-e", code)


def test_the_join_document(ansible: Run, installed: Path, tmp_path: Path) -> None:
    tasks = yaml.safe_load((ROOT / "roles/cluster_manager/tasks/enrollment.yml").read_text())
    play = {"hosts": "m1", "gather_facts": False, "tasks": [tasks[-1]]}
    playbook = tmp_path / "elsewhere/join.yml"
    playbook.parent.mkdir()
    playbook.write_text(yaml.safe_dump([play]))
    given = {
        "__cluster_manager_join_document": {"pool": "web"},
        "cluster_manager_join_document": "join.json",
        "cluster_manager_join_token_state": "present",
        "cluster_manager_no_log": False,
    }
    ansible("ansible-playbook", str(playbook), "-i", "product.stacks.yml", "-e", json.dumps(given))
    assert json.loads((tmp_path / "join.json").read_text()) == {"pool": "web"}
    assert not (playbook.parent / "join.json").exists()


def test_the_report_of_the_checks(ansible: Run, tmp_path: Path) -> None:
    task = {"keelson.cluster.report": {"results": ["verify_host"]}}
    playbook = tmp_path / "elsewhere/report.yml"
    playbook.parent.mkdir()
    playbook.write_text(yaml.safe_dump([{"hosts": "m1", "gather_facts": False, "tasks": [task]}]))
    check = dict.fromkeys(("check", "title", "target", "evidence", "remedy"), "") | {"host": "m1", "passed": True}
    result = json.dumps({"verify_host": {"checks": [check | {"seconds": 0}]}})
    ansible("ansible-playbook", str(playbook), "-i", "product.stacks.yml", "-e", result)
    assert (tmp_path / "report/report.html").exists() and not (playbook.parent / "report").exists()
