# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task of a role gives to a host touches no disk on its way, whatever the user's ansible.cfg says; verify looks at where it stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import ansible.constants as C
import pytest
import yaml
from ansible.plugins.loader import connection_loader
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import introduction
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.registries import containerd_files

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parent for path in (ROOT / "roles").glob("*/tasks"))
SECRET = "b7c0ffee-not-on-any-disk"

# Instead of Python on the host: it waits, as long as a module that takes its time.
INTERPRETER = """#!/bin/sh
echo $$ > {folder}/pid.new && mv {folder}/pid.new {folder}/pid
exec sleep 60
"""


def tasks_with_secrets(entry: object) -> int:
    """How many tasks of a file's content hide what they do."""
    if isinstance(entry, list):
        return sum(map(tasks_with_secrets, entry))
    if isinstance(entry, dict):
        return int("no_log" in entry) + sum(tasks_with_secrets(entry.get(key)) for key in ("block", "always", "rescue"))
    return 0


def test_every_secret_is_handed_over_by_a_role() -> None:
    """The roles' variables are what the test below is about, so no playbook has such a task."""
    found = {
        path.name: tasks_with_secrets(yaml.safe_load(path.read_text()))
        for path in (ROOT / "roles").rglob("tasks/**/*.yml")
    }
    assert sum(found.values()) > 5
    for path in (ROOT / "playbooks").rglob("*.yml"):
        plays = yaml.safe_load(path.read_text())
        assert not any(tasks_with_secrets(play.get("tasks", [])) + tasks_with_secrets(play) for play in plays), path


def on_disk(folder: Path, variables: list[str]) -> list[str]:
    """Files below the temporary folder of the host that hold the secret, when the controller was killed during the task."""
    folder.mkdir()
    interpreter = folder / "python3"
    interpreter.write_text(INTERPRETER.format(folder=folder))
    interpreter.chmod(0o755)
    task = {
        "name": "Hand over a secret",
        "keelson.cluster.config_files": {
            "files": [{"path": str(folder / "x"), "content": SECRET, "mode": "0600", "secret": True}]
        },
        "no_log": True,
    }
    play = {"hosts": "all", "gather_facts": False, "vars_files": variables, "tasks": [task]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    inventory = {
        "all": {"hosts": {"h1": {"ansible_connection": "local", "ansible_python_interpreter": str(interpreter)}}}
    }
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nremote_tmp={folder}/remote\nlocal_tmp={folder}/local\n"
        f"collections_path={ROOT / '.ansible' / 'collections'}\nenable_plugins=yaml\n"
    )
    process = subprocess.Popen(
        [Path(sys.executable).parent / "ansible-playbook", "-i", folder / "inventory.yml", folder / "play.yml"],
        env={**os.environ, "ANSIBLE_CONFIG": str(folder / "ansible.cfg")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not (folder / "pid").exists():
        assert time.monotonic() < end and process.poll() is None, "the module was never run"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    return [
        str(path) for path in (folder / "remote").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_secret_stays_on_a_host_when_the_controller_is_killed(role: Path, tmp_path: Path) -> None:
    assert on_disk(tmp_path / "run", [str(role / "vars" / "main" / "main.yml")]) == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
@pytest.mark.parametrize("connection", ["ssh", "local"])
def test_no_variable_of_the_inventory_is_stronger(role: Path, connection: str) -> None:
    """A connection may read several variables, of which the last one that is set counts."""
    assert connection_loader.get(connection, class_only=True)
    options = C.config.get_configuration_definitions("connection", connection)
    forced = yaml.safe_load((role / "vars" / "main" / "main.yml").read_text())
    assert [forced.get(entry["name"]) for entry in options["pipelining"]["vars"]] == [True] * len(
        options["pipelining"]["vars"]
    )


def test_the_search_finds_what_lies_there(tmp_path: Path) -> None:
    assert on_disk(tmp_path / "run", [])


def secret_files(content: Any) -> Iterator[str]:
    """The paths of the files that a role marks as secret."""
    if isinstance(content, dict):
        if content.get("secret") is True:
            path = content["path"].replace("{{ __host_node_proxy_file }}", "/etc/keelson/proxy.env")
            yield re.sub(r"\{\{[^}]*\}\}", "x", path)
        content = list(content.values())
    for item in content if isinstance(content, list) else ():
        yield from secret_files(item)


def test_verify_looks_at_the_mode_of_each_secret_file() -> None:
    found = [components.load(name, "nomad") for name in ("nomad", "mesh_envoy", "mesh_consul", "faas_runtime")]
    found += [components.load(name, "kubernetes") for name in ("kubernetes", "mesh_istio")]
    patterns = {
        p.replace("/**/", "/*") for component in found for part in component.parts.values() for p in part.secrets
    }
    registries = {"docker.io": {"username": "u", "password": "p"}}
    written = {introduction.PATH, "/etc/cni/net.d/calico.kubeconfig"}
    written |= {entry["path"] for entry in containerd_files(registries) if entry.get("secret")}
    for path in (ROOT / "roles").rglob("*.yml"):
        written |= set(secret_files(yaml.safe_load(path.read_text())))
    assert len(written) > 12
    assert not [path for path in written if not any(fnmatchcase(path, pattern) for pattern in patterns)]
