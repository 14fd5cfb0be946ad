# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booleans and numbers given as text, by -e, a survey or an inventory, have their type in every play."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types

ROOT = Path(__file__).parents[3]
TEXTS = {"bool": "false", "int": "3", "float": "0.5"}
VALUES = {"bool": False, "int": 3, "float": 0.5}


def seen(tmp_path: Path, arguments: list[str], inventory: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The values that a host of the cluster sees after the first playbook of all others."""
    host = {"cluster_part": "manager", "ansible_connection": "local", "cluster_name": "product", **inventory}
    children = {"product": {"hosts": {"m1": host}}, "clusters": {"children": {"product": {}}}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    values = (
        "{{ {" + ", ".join(f"'{name}': {name} | default('none')" for name in names) + "} | ansible.builtin.to_json }}"
    )
    written = {"content": values, "dest": str(tmp_path / "seen.json"), "mode": "0600"}
    play = {"hosts": "cluster_part_manager", "gather_facts": False, "tasks": [{"ansible.builtin.copy": written}]}
    (tmp_path / "play.yml").write_text(
        json.dumps([{"import_playbook": str(ROOT / "playbooks/cluster_select.yml")}, play])
    )
    command = ["ansible-playbook", "-i", str(tmp_path / "inventory.yml"), str(tmp_path / "play.yml"), *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((tmp_path / "seen.json").read_text())
    return found


@pytest.mark.parametrize("source", ["extra", "file", "inventory"])
def test_every_boolean_and_number_of_every_role_and_playbook_may_be_text(tmp_path: Path, source: str) -> None:
    kinds = variable_types.scalars()
    texts = {name: TEXTS[kind] for name, kind in kinds.items() if name != "cluster_become"}
    arguments: list[str] = []
    if source == "extra":
        arguments = [part for name, text in texts.items() for part in ("-e", f"{name}={text}")]
    elif source == "file":
        (tmp_path / "extravars").write_text(json.dumps(texts))
        arguments = ["-e", f"@{tmp_path / 'extravars'}"]
    given = texts if source == "inventory" else {}
    wanted = {name: VALUES[kinds[name]] for name in texts}
    assert seen(tmp_path, arguments, given, list(texts)) == wanted
    assert {"host_node_nomad_raw_exec", "verify_drills", "cluster_lease_wait"} <= set(texts)


def test_an_empty_answer_is_none_and_other_text_stays(tmp_path: Path) -> None:
    arguments = ["-e", "verify_pool=", "-e", "verify_drills=", "-e", "cluster_lease_wait=soon", "-e", "mine=false"]
    names = ["verify_pool", "verify_drills", "cluster_lease_wait", "mine"]
    assert seen(tmp_path, arguments, {}, names) == {
        "verify_pool": "none",
        "verify_drills": "none",
        "cluster_lease_wait": "soon",
        "mine": "false",
    }


def test_every_playbook_begins_with_the_types_of_what_it_was_given() -> None:
    """Else an empty answer of a survey would be a text that no module takes."""
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        first = yaml.safe_load(path.read_text())[0]
        imported = Path(first.get("ansible.builtin.import_playbook", "")).name
        assert (
            imported in ("cluster_select.yml", "cluster_lease.yml", "bundle.yml")
            or "typed_extra_vars" in first["hosts"]
        ), path


def untyped(path: Path) -> list[str]:
    """Lines of a role's variables or templates that take a boolean or a number as it was given, which may be text."""
    kinds = {name: kind for name, kind in variable_types.scalars().items() if name in variable_types.roles()}
    typed = r"(?! *(?:\| *default\([^()]*\) *)?\| *(?:ansible\.builtin\.)?(?:bool|int|float|string)\b)"
    found = []
    for line in path.read_text().splitlines():
        for expression in re.findall(r"\{[{%].*?[}%]\}", line):
            alone = path.suffix == ".yml" and re.search(rf"[:\[-] *[\"']?{re.escape(expression)}[\"']?[}}\]]*$", line)
            for name in re.findall(rf"\b[a-z]\w+\b{typed}", expression):
                if kinds.get(name) == "bool" or (name in kinds and alone):
                    found.append(f"{path.name}: {line.strip()}")
    return found


def test_a_role_that_is_used_alone_converts_where_it_reads() -> None:
    """No play of ours comes before it then. Options of modules convert; keywords of tasks and default values are others' business."""
    paths = [*ROOT.glob("roles/*/vars/**/*.yml"), *ROOT.glob("roles/*/templates/*")]
    assert len(paths) > 20 and [line for path in paths for line in untyped(path)] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('a: "{{ [1] if host_node_nomad_raw_exec else [] }}"', True),
        ('a: "{{ [1] if host_node_nomad_raw_exec | bool else [] }}"', False),
        ('a: "{{ host_node_certificate_days }}"', True),
        ('a: {b: "{{ faas_runtime_storage * 1024 }}"}', True),
        ('a: "{{ host_node_certificate_days | int }}"', False),
        ("a: run --days={{ host_node_certificate_days }} --now", False),
    ],
)
def test_a_value_that_is_taken_as_it_was_given_is_found(tmp_path: Path, line: str, told: bool) -> None:
    (tmp_path / "main.yml").write_text(line + "\n")
    assert bool(untyped(tmp_path / "main.yml")) is told
