# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run commands in the root file system of an image that is being built."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tree
short_description: Run tasks in a directory that holds a root file system
version_added: "0.1.0"
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Runs every command by C(systemd-nspawn) in the directory, which is not booted. Each command has mounts of its own, so
    none are left whatever ends it, and it has no network.
  - The controller must run as root.
options:
  remote_addr:
    description: The directory.
    type: path
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""

import shutil
import subprocess
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.tree import (
    TreeError,
    command,
    inside,
)


class Connection(ConnectionBase):  # type: ignore[misc]
    """One C(systemd-nspawn) a command; files are copied without it."""

    transport = "keelson.cluster.tree"
    has_pipelining = True
    default_user = "root"
    _connected = False

    def _connect(self) -> Connection:
        if not self._connected:
            if not (self._tree / "usr").is_dir():
                raise AnsibleConnectionFailure(f"{self._tree} holds no root file system")
            self._connected = True
        return self

    @property
    def _tree(self) -> Path:
        return Path(self.get_option("remote_addr"))

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a shell's command line in the tree."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        try:
            done = subprocess.run(
                command(self._tree, ["/bin/sh", "-c", cmd]), input=in_data or b"", capture_output=True, check=False
            )
        except OSError as error:
            raise AnsibleError(f"{error.filename}: {error.strerror}; install systemd-container") from error
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the tree."""
        super().put_file(in_path, out_path)
        self._copy(Path(in_path), self._inside(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the tree."""
        super().fetch_file(in_path, out_path)
        self._copy(self._inside(in_path), Path(out_path))

    def _inside(self, path: str) -> Path:
        try:
            return inside(self._tree, path)
        except TreeError as error:
            raise AnsibleError(str(error)) from error

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"{error.filename} does not exist") from error
        except OSError as error:
            raise AnsibleError(f"{source} cannot be copied to {target}: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is open between commands."""
        self._connected = False
