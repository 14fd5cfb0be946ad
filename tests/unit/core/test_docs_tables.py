# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the documentation say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2 import nodes

ROOT = Path(__file__).parents[3]
ENVIRONMENT = jinja2.Environment()
# What users give begins with one of these; the rest are registered results, and variables of the inventory.
GIVEN = re.compile(
    r"(cluster|override_freeze|cluster_(become|bundle|engine|(lease|remove)_\w+)|(backup|bundle|deploy|drain|enroll|patch|preflight|remove|replace|restore|rotate|upgrade|verify"
    r"|uninstall|offline|inventory_report|server_image|placement|pipeline|release|mesh)_\w+|server_image|placement|pipeline|deploy)$"
)
CONDITIONS = ("when", "that", "failed_when", "changed_when")


def texts(value: Any, condition: bool = False) -> Iterator[str]:
    """Every text of a playbook, conditions as expressions."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, condition or key in CONDITIONS)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, condition)
    elif isinstance(value, str):
        yield "{{ " + value + " }}" if condition and "{{" not in value else value


def taken(path: Path) -> set[str]:
    """The variables that a playbook, and the task files it includes, take from users."""
    text = path.read_text()
    used = {
        name.name
        for part in texts(yaml.safe_load(text))
        for name in ENVIRONMENT.parse(part).find_all(nodes.Name)
        if name.ctx == "load"
    }
    own = set(re.findall(r"register: (\w+)", text))
    for included in re.findall(r"include_tasks: (\S+)", text):
        used |= taken(path.parent / included)
        own |= set(re.findall(r"register: (\w+)", (path.parent / included).read_text()))
    for imported in re.findall(r"import_playbook: (\S+)", text):
        further = taken(path.parent / imported)
        used |= further if path.parent.name != "plays" and imported.startswith("plays/") else further & {"cluster"}
    return {name for name in used - own if GIVEN.match(name)}


def test_every_variable_of_every_playbook_is_documented() -> None:
    page = (ROOT / "docs/reference/playbooks.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    documented = {
        name: {
            variable
            for row in re.findall(r"^\| (`[^|]*) \|", body, re.MULTILINE)
            for variable in re.findall(r"`(\w+)`", row)
        }
        for name, body in sections.items()
    }
    playbooks = {path.stem: taken(path) for path in (ROOT / "playbooks").glob("*.yml")}
    assert documented == playbooks
    typed = yaml.safe_load((ROOT / "meta/variables.yml").read_text())
    assert set(typed) == set().union(*documented.values()), "meta/variables.yml says the type of each"


def test_the_port_table_is_what_the_engines_declare() -> None:
    command = [sys.executable, str(ROOT / "tools/port-table")]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert (ROOT / "docs/reference/ports.md").read_text() == table, "tools/port-table > docs/reference/ports.md"


def commands(playbook: str) -> list[str]:
    """How documentation calls a playbook."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/how-to/*.md")]
    found = (re.findall(rf"ansible-playbook keelson\.cluster\.{playbook}\b[^`\n]*", page.read_text()) for page in pages)
    return [line for lines in found for line in lines]


def test_commands_that_fill_a_bundle_say_whose_artifacts() -> None:
    needed = re.compile(r" -i \S| cluster_engine=|bundle_artifacts")
    assert len(commands("bundle")) > 10
    assert [line for line in commands("bundle") if not needed.search(line)] == []


def test_every_playbook_that_is_named_is_there() -> None:
    there = {path.stem for path in [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("molecule/default/*.yml")]}
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/how-to/*.md")]
    named = re.compile(r"ansible-playbook (?:-\S+ \S+ )*keelson\.cluster\.(\w+)|[Pp]laybooks? `(\w+)`|`(\w+)` playbook")
    found = {(page.name, "".join(names)) for page in pages for names in named.findall(page.read_text())}
    assert len(found) > 40
    assert [entry for entry in sorted(found) if entry[1] not in there] == []


def test_every_entry_point_of_a_role_is_in_its_readme() -> None:
    for role in (ROOT / "roles").iterdir():
        specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
        (table,) = re.findall(
            r"^\| entry point .*\n\|[-|]*\n((?:\|.*\n)+)", (role / "README.md").read_text(), re.MULTILINE
        )
        listed = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
        # What stands below a provider's name is the same for all of them.
        assert {name for name in specs if "/" not in name} <= listed, (
            f"{role.name}: README.md lists each entry point of meta/argument_specs.yml"
        )
        assert all((role / f"tasks/{name}.yml").is_file() for name in listed), f"{role.name}: README.md"
