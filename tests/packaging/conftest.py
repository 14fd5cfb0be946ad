# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users have it: built and installed by ansible-galaxy, used from another folder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lab import package
from lab.runs import BIN


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of collections that ansible-galaxy installed the package to."""
    return package.installed(tmp_path_factory.mktemp("package"))


Run = Callable[..., str]


@pytest.fixture
def ansible(installed: Path, tmp_path: Path) -> Run:
    """Runs a program of Ansible in tmp_path with the installed collection; returns what it prints."""
    environment = package.plain() | {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_LOCALHOST_WARNING": "false"}
    environment |= {"ANSIBLE_INVENTORY_ENABLED": "keelson.cluster.stacks,host_list,yaml", "NO_COLOR": "1"}
    environment |= {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", "ANSIBLE_HOME": str(tmp_path / ".ansible")}

    def run(program: str, *arguments: str) -> str:
        command = [str(BIN / program), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
