# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's four playbooks and the scenario to copy, by a user with a package, a key and sudo, on three servers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import package
from lab.readme import block, state
from lab.runs import BIN
from lab.servers import NAME, OWN_SUBNET, Lab

KEY = "~/.ssh/product.pem"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def servers() -> Iterator[Lab]:
    """Three servers with a login user that sudo asks for no password."""
    lab = Lab(f"{NAME}-readme", ("m1", "w1", "w2"), "nomad", OWN_SUBNET)
    lab.make()
    for host in lab.hosts:
        lab.ssh(
            host,
            "useradd --create-home --shell /bin/bash admin && cp -r .ssh /home/admin && chown -R admin: /home/admin",
        )
        lab.ssh(host, "echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin")
    yield lab
    lab.destroy()


@pytest.fixture(scope="module")
def user(servers: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A folder of the user's, and how programs are run there with the installed package."""
    folder = tmp_path_factory.mktemp("user")
    plain = package.plain() | {
        "ANSIBLE_COLLECTIONS_PATH": str(package.installed(folder)),
        "ANSIBLE_SSH_ARGS": f"-F {servers.folder / 'ssh_config'}",  # the servers' host keys are known there
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}\n{done.stderr[-2000:]}"
        return done.stdout + done.stderr

    text = block("# product.stacks.yml")
    assert KEY in text
    (folder / "product.stacks.yml").write_text(text.replace(KEY, str(servers.folder / "id_ed25519")))
    (folder / "ansible.cfg").write_text(block("# ansible.cfg"))
    (folder / "terraform.tfstate").write_text(state([host.address for host in servers.hosts]))
    return folder, run


def test_the_four_playbooks(user: tuple[Path, Run]) -> None:
    """From the state of a stack to a verified cluster, with the README's commands alone."""
    folder, run = user
    commands = [line.split("#")[0].split() for line in block("ansible-playbook ").splitlines()]
    assert [command[1].rpartition(".")[2] for command in commands] == ["bundle", "preflight", "install", "verify"]
    for command in commands:
        shown = run(*command)
        print("\n".join(shown.split("PLAY RECAP")[0].splitlines()[-12:]), flush=True)
    assert json.loads((folder / "report/report.json").read_text())
    assert (folder / "report/report.html").exists()


def test_the_scenario_to_copy(user: tuple[Path, Run], servers: Lab) -> None:
    """Converge, idempotence and verify, by the steps of docs/how-to/molecule.md."""
    folder, run = user
    run("ansible-playbook", "keelson.cluster.uninstall", "-i", "product.stacks.yml", "-e", "uninstall_confirm=product")
    packed = folder / "to/ansible_collections/keelson/cluster/extensions/molecule"
    shutil.copytree(packed, folder / "molecule")
    manager, *nodes = ({"name": host.name, "private_ip": host.address} for host in servers.hosts)
    (folder / "molecule/default/servers.json").write_text(json.dumps({"managers": [manager], "web": nodes}))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", run("molecule", "test"))
    assert re.search(r"idempotence.*(Executed: Successful|completed successfully)", shown, re.DOTALL), shown[-3000:]
