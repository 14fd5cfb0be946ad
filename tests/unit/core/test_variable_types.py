# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booleans and numbers given as text, by -e, a survey or an inventory, have their type in every play."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import variables

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
    assert {"host_node_nomad_raw_exec", "verify_drills", "cluster_lease_wait", "cluster_drain_deadline"} <= set(texts)


def untold(path: Path) -> set[str]:
    """Names that are read as a boolean or a number, and have the form of a user's variable, of which nothing says the type."""
    begun = "|".join(
        sorted({name.partition("_")[0] for name in {**variable_types.playbooks(), **variable_types.roles()}})
    )
    read = rf"(?<![\w.'])((?:{begun})_\w+)(?: *\| *default\([^()]*\))? *\| *(?:ansible\.builtin\.)?(?:bool|int|float)\b"
    return set(re.findall(read, path.read_text())) - set(variable_types.scalars())


def test_what_is_read_as_a_boolean_or_a_number_has_that_type(tmp_path: Path) -> None:
    """Else the texts of those above would not have been tried."""
    paths = [
        path for part in ("roles", "playbooks") for path in (ROOT / part).rglob("*") if path.suffix in (".yml", ".j2")
    ]
    assert len(paths) > 200 and {name for path in paths for name in untold(path)} == set()
    (tmp_path / "a.yml").write_text(
        "when: verify_twice | default(false) | bool and __verify_own | bool and verify_drills | bool"
    )
    assert untold(tmp_path / "a.yml") == {"verify_twice"}


def test_an_empty_answer_is_none_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    arguments = ["-e", "verify_pool=", "-e", "verify_drills=", "-e", "mine=false"]
    names = ["verify_pool", "verify_drills", "mine"]
    assert seen(tmp_path, arguments, {}, names) == {"verify_pool": "none", "verify_drills": "none", "mine": "false"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("drain_deadline", "soon", "'soon' is not a whole number"),
        ("drain_deadline", "-1", "-1 is less than 1"),  # Nomad would stop everything at once
        ("drain_deadline", 0, "0 is less than 1"),  # Nomad would wait for ever
        ("drain_deadline", True, "True is not a whole number"),
        ("drain_deadline", "1.5", "'1.5' is not a whole number"),
        ("drain_state", "redy", "'redy' is none of drained, ready"),
        ("replace_wait", "an hour", "'an hour' is not a whole number"),  # the old server would be gone by then
        ("patch_reboot_timeout", "-600", "-600 is less than 1"),
        ("upgrade_backup_hours", "old", "'old' is not a number"),
        ("upgrade_backup_hours", "nan", "nan is less than 0"),
        ("upgrade_by", "magic", "'magic' is none of in_place, replace"),
        ("backup_list", "perhaps", "'perhaps' is not true or false"),
        ("rotate_ca", "two", "'two' is not a whole number"),
        ("rotate_until", "end", "'end' is none of prepare, use, finish"),
        ("bundle_registries", "quay.io", "'quay.io' is not a mapping"),
        ("upgrade_to", ["1.36.3"], "['1.36.3'] is not a text"),
        ("deploy", {"name": "shop"}, "{'name': 'shop'} is not a path"),
        ("enroll_pool", True, "True is not a text"),
        ("enroll_hosts", 1001, "1001 is more than 1000"),  # managers would refuse it after they have opened the service
        ("enroll_hours", "721", "721 is more than 720"),
    ],
)
def test_a_value_that_a_playbook_cannot_take_is_named(name: str, value: Any, told: str) -> None:
    """Before anything is done, for the first task that reads it may come after many that have changed something."""
    values = {name: value, **variable_types.converted({name: value})}
    assert variable_types.faults(values, []) == [f"{name}: {told}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("drain_deadline", "600"),
        ("drain_hosts", "w1,w2"),
        ("drain_hosts", ["w1"]),
        ("upgrade_to", "1.36.3"),
        ("upgrade_to", 1.36),
        ("upgrade_max_unavailable", "20%"),
        ("upgrade_backup_hours", "0.5"),
        ("backup_list", "yes"),
        ("mine", "soon"),
    ],
)
def test_a_value_that_a_playbook_takes(name: str, value: Any) -> None:
    values = {name: value, **variable_types.converted({name: value})}
    assert variable_types.faults(values, [name]) == []


def test_a_name_with_a_typing_error_is_told() -> None:
    """A run without what was asked for would do another thing: all certificates anew instead of another CA."""
    assert variable_types.faults(
        {}, ["rotate_cas", "upgrade_pause_afer", "drain_host", "rotation", "upgrade_ticket"]
    ) == [
        "unknown variable rotate_cas: did you mean rotate_ca?",
        "unknown variable upgrade_pause_afer: did you mean upgrade_pause_after?",
        "unknown variable drain_host: did you mean drain_hosts?",
    ]


def test_every_number_of_a_playbook_says_how_small_it_may_be() -> None:
    for name, spec in variable_types.playbooks().items():
        if spec["type"] in ("int", "float") and not name.startswith("rotate_"):  # rotate says it in its own words
            assert "minimum" in spec and spec.get("default", spec["minimum"]) >= spec["minimum"], name


@pytest.mark.parametrize(
    "text", ["no", "No", "NO", "off", "Off", "0", "f", "n", "False", " False ", "false\n", "FALSE"]
)
def test_every_way_to_write_no(text: str) -> None:
    assert variable_types.converted({"verify_drills": text}) == {"verify_drills": False}


@pytest.mark.parametrize("text", ["yes", "On", "1", " True ", "y"])
def test_every_way_to_write_yes(text: str) -> None:
    assert variable_types.converted({"host_node_nomad_raw_exec": text}) == {"host_node_nomad_raw_exec": True}


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), (" 3 ", 3), ("-1", -1), ("3.0", 3), ("3.5", "3.5"), ("three", "three"), ("0x3", "0x3")],
)
def test_numbers_as_people_write_them(text: str, number: Any) -> None:
    """What is no plain number stays text, which the roles' and modules' checks refuse by name."""
    assert variable_types.converted({"cluster_lease_wait": text}) == (
        {} if isinstance(number, str) else {"cluster_lease_wait": number}
    )


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


def left(content: Any) -> Iterator[tuple[str, str]]:
    """(how, name) of the variables that stay when these tasks or plays are over, for whatever runs next."""
    for item in content if isinstance(content, list) else [content] if isinstance(content, dict) else ():
        yield from (("register", name) for name in filter(None, [item.get("register")]))
        yield from (("set_fact", name) for name in item.get("ansible.builtin.set_fact") or ())
        yield from (("set_stats", name) for name in (item.get("ansible.builtin.set_stats") or {}).get("data", ()))
        for inner in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from left(item.get(inner))


def judged(folder: Path) -> list[str]:
    """What hosts keep that a later preflight, and what jobs hand on that a later job of an AWX workflow, would judge as a user's."""
    files = (
        path for part in ("roles/*/tasks", "roles/*/handlers", "playbooks") for path in folder.glob(f"{part}/**/*.yml")
    )
    found = {pair for path in files for pair in left(yaml.safe_load(path.read_text()))}
    assert found
    kept = {name for how, name in found if how != "set_stats" and name.startswith(variables.prefixes(str(ROOT)))}
    return sorted(kept - variables.OUTPUTS) + variable_types.faults(
        {}, sorted(name for how, name in found if how == "set_stats")
    )


def test_what_a_run_leaves_behind_is_not_judged_as_a_users_variable() -> None:
    """Preflight after an installation in one run would refuse it. A name of a role's own begins with __."""
    assert judged(ROOT) == []


def test_an_output_that_preflight_passes_over_is_registered_and_documented() -> None:
    tasks = [yaml.safe_load(path.read_text()) for path in ROOT.glob("roles/host_node/tasks/**/*.yml")]
    registered = {name for content in tasks for _how, name in left(content)}
    written = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "roles/host_node/README.md").read_text(), re.MULTILINE))
    assert {name for name in registered & written if not name.startswith("__")} == variables.OUTPUTS
    names = dict.fromkeys([*variables.OUTPUTS, "host_node_agent"])
    told = list(variables.check("w1", names, {}, ("host_node_",)))
    assert [fault.text for fault in told] == ["unknown variable host_node_agent"]


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ({"register": "host_node_agent"}, "host_node_agent"),
        ({"register": "host_node_docker_config"}, "host_node_docker_config"),
        ({"block": [{"ansible.builtin.set_fact": {"mesh_sidecar_seen": 1}}]}, "mesh_sidecar_seen"),
        ({"ansible.builtin.set_stats": {"data": {"upgrade_two": 1}}}, "did you mean upgrade_to?"),
        ({"register": "__host_node_agent"}, ""),
    ],
)
def test_a_name_that_would_be_judged_is_found(tmp_path: Path, task: dict[str, Any], told: str) -> None:
    (tmp_path / "roles/own/tasks").mkdir(parents=True)
    (tmp_path / "roles/own/tasks/main.yml").write_text(yaml.safe_dump([task]))
    assert told in " ".join(judged(tmp_path)) and bool(told) is bool(judged(tmp_path))


@pytest.mark.parametrize("playbook", ["cluster_lease", "pipeline"])
def test_words_after_a_space_are_told(tmp_path: Path, playbook: str) -> None:
    """Ansible takes `-e drain_hosts="w1, w2"` for w1, and drops the rest."""
    (tmp_path / "inventory.yml").write_text("all: {children: {clusters: {hosts: {m1: {ansible_connection: local}}}}}")
    command = ["ansible-playbook", "-i", str(tmp_path / "inventory.yml"), str(ROOT / f"playbooks/{playbook}.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    given = ["-e", "pipeline_reason=not on a Friday"]
    done = subprocess.run([*command, *given], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode and "'on a Friday' belongs to no variable" in told, told
