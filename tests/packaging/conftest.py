# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users have it: built and installed by ansible-galaxy, used from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def plain() -> dict[str, str]:
    """The environment without the settings of this repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of collections that ansible-galaxy installed the package to."""
    base = tmp_path_factory.mktemp("package")
    galaxy = [str(BIN / "ansible-galaxy"), "collection"]
    subprocess.run([*galaxy, "build", "--output-path", str(base)], cwd=ROOT, check=True, capture_output=True)
    package = next(base.glob("keelson-cluster-*.tar.gz"))
    install = [*galaxy, "install", "-p", str(base / "to"), str(package)]
    subprocess.run(install, check=True, capture_output=True, env=plain() | {"ANSIBLE_COLLECTIONS_PATH": str(base)})
    return base / "to"


Run = Callable[..., str]


@pytest.fixture
def ansible(installed: Path, tmp_path: Path) -> Run:
    """Runs a program of Ansible in tmp_path with the installed collection; returns what it prints."""
    environment = plain() | {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_LOCALHOST_WARNING": "false"}
    environment |= {"ANSIBLE_INVENTORY_ENABLED": "keelson.cluster.stacks,host_list,yaml", "NO_COLOR": "1"}
    environment |= {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", "ANSIBLE_HOME": str(tmp_path / ".ansible")}

    def run(program: str, *arguments: str) -> str:
        command = [str(BIN / program), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
