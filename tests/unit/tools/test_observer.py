# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the drills' observer cuts a run off."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from lab.runs import run  # noqa: E402

TASKS = [
    {"name": "look", "ansible.builtin.command": "true", "changed_when": False},
    {"name": "one", "ansible.builtin.command": "true"},
    {"name": "look again", "ansible.builtin.command": "true", "changed_when": False},
    {"name": "two", "ansible.builtin.command": "true", "changed_when": "inventory_hostname == 'b'"},
    {"name": "wait", "ansible.builtin.command": "sleep 30", "changed_when": False},
]


@pytest.mark.parametrize(
    ("cut", "last"),
    [("changed#1", "one"), ("changed#2", "two"), ("changed#1.first", "one"), ("look#2", "look again"), ("@5", "")],
)
def test_a_run_is_cut_where_it_is_asked_for(tmp_path: Path, cut: str, last: str) -> None:
    play = {"hosts": "all", "gather_facts": False, "connection": "local", "tasks": TASKS}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    done = run(
        ["ansible-playbook", "-i", "a,b,", str(tmp_path / "play.yml")], tmp_path / "notes.jsonl", {"LAB_CUT": cut}
    )
    assert done.cut and done.tasks[-1].name == (last or done.tasks[-1].name), done.output
    assert not any(task.results for task in done.tasks if task.name == "wait")
    if cut == "changed#2":
        assert done.tasks[-1].results == {"a": "ok", "b": "changed"}
