# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of tasks can be loaded with all it imports, also where another role imports it: engines are included by name
at run time, so that no playbook's syntax check comes to them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]


def load(folder: Path, tasks: list[tuple[str, str]]) -> subprocess.CompletedProcess[str]:
    """The syntax check of a playbook that imports these tasks, (role, file)."""
    imports = [
        {"ansible.builtin.import_role": {"name": f"keelson.cluster.{role}", "tasks_from": file}} for role, file in tasks
    ]
    path = folder / "all.yml"
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": imports}]))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "--syntax-check", "-i", "localhost,", str(path)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_every_file_of_tasks(tmp_path: Path) -> None:
    files = sorted(ROOT.glob("roles/*/tasks/**/*.yml"))
    found = [(file.relative_to(ROOT / "roles").parts[0], str(file).partition("/tasks/")[2]) for file in files]
    assert len(found) > 20
    done = load(tmp_path, found)
    assert done.returncode == 0, done.stderr


def test_one_that_is_not_there_is_found(tmp_path: Path) -> None:
    done = load(tmp_path, [("host_node", "kubernetes/nothing.yml")])
    assert done.returncode != 0 and "nothing.yml" in done.stderr


def included_by_host(tasks: Any, role: Path) -> Iterator[Path]:
    """The files that are included by a name with a variable in it which is another on each host: all that it may stand for."""
    for task in tasks if isinstance(tasks, list) else ():
        for key in ("block", "rescue", "always"):
            yield from included_by_host(task.get(key), role)
        name = str(task.get("ansible.builtin.include_tasks", "")).removeprefix("{{ role_path }}/tasks/")
        loop = (task.get("loop_control") or {}).get("loop_var", "item")
        if "{{" in name and not name.startswith(f"{{{{ {loop}"):
            yield from role.rglob(re.sub(r"\{\{.*?\}\}", "*", name))


def test_no_file_that_is_included_by_a_variable_of_hosts_imports_another() -> None:
    """Ansible looks for what is imported from where the file lies, and resolves that name without a host."""
    found = {
        path
        for file in ROOT.glob("roles/*/tasks/**/*.yml")
        for path in included_by_host(yaml.safe_load(file.read_text()), ROOT / Path(*file.relative_to(ROOT).parts[:3]))
    }
    assert len(found) > 5
    assert [path for path in found if "import_tasks" in path.read_text()] == []
