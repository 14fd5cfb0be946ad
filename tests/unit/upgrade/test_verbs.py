# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all playbooks of the life cycle have in common: progress on the way, a summary at the end, and hosts that a limit leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
PARTS = [PLAYBOOKS / name for name in ("plays/remove.yml", "plays/replace.yml", "rotation/phase.yml")]
VERBS = ("drain", "patch", "remove", "replace", "restore", "rotate", "upgrade")
#: Those that a limit may leave all managers out of.
OF_HOST_NODES = ("patch", "upgrade")


def plays(path: Path) -> list[dict[str, Any]]:
    """The plays of a playbook, with those that it imports of what changes members."""
    found: list[dict[str, Any]] = []
    for entry in yaml.safe_load(path.read_text()):
        inner = (path.parent / entry.get("ansible.builtin.import_playbook", "")).resolve()
        found += plays(inner) if inner in PARTS else [entry]
    return found


def changes(play: dict[str, Any]) -> bool:
    """Whether a play is about hosts in turn, or about all of them for long."""
    roles = ("ansible.builtin.import_role", "ansible.builtin.include_role")
    return "serial" in play or any(
        role in task and task[role]["tasks_from" if "tasks_from" in task[role] else "name"] != "remove"
        for task in play.get("tasks", ())
        for role in roles
    )


@pytest.mark.parametrize("verb", VERBS)
def test_a_run_tells_what_is_done_on_the_way(verb: str) -> None:
    found = [play for play in plays(PLAYBOOKS / f"{verb}.yml") if changes(play)]
    assert found
    for play in found:
        told = [task["name"] for task in play["tasks"] if "ansible.builtin.debug" in task]
        secrets = play["name"] == "Change the secrets" or play["name"] == "See that every member has taken part"
        assert secrets or any("Tell whose turn it is" in name for name in told), (verb, play["name"])


@pytest.mark.parametrize("verb", [*VERBS, "backup"])
def test_a_run_ends_with_a_summary(verb: str) -> None:
    assert "keelson.cluster.cluster_summary" in plays(PLAYBOOKS / f"{verb}.yml")[-1]["tasks"][-1]


@pytest.mark.parametrize("verb", OF_HOST_NODES)
def test_a_limit_to_a_pool_leaves_nothing_out(verb: str) -> None:
    """What is looked for before and told afterwards is asked of a manager, in no play of managers: that would have no host."""
    own = yaml.safe_load((PLAYBOOKS / f"{verb}.yml").read_text())
    told = {play["name"]: play["hosts"] for play in own if "hosts" in play}
    assert told and not [name for name, hosts in told.items() if hosts.startswith("cluster_part_manager")]


def test_what_stands_in_the_way_of_an_upgrade_is_asked_of_a_manager() -> None:
    (play,) = (p for p in plays(PLAYBOOKS / "upgrade.yml") if p.get("name") == "Look for what stands in the way")
    modules = ("keelson.cluster.upgrade_checks", "keelson.cluster.cluster_backup")
    asked = [task for task in play["tasks"] if set(task) & set(modules)]
    assert len(asked) == len(modules)
    assert all(task["delegate_to"] == "{{ __upgrade.acting_manager }}" and task["run_once"] for task in asked)
