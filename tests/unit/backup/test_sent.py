# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup on its way to a manager lies where the cluster's secrets lie, and in no login user's folder."""

from __future__ import annotations

import io
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.action import cluster_restore
from ansible_collections.keelson.cluster.plugins.module_utils.backup import restoring
from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import BackupError
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager


def send(tar: bytes, tries: int = 1) -> tuple[list[dict[str, Any]], int]:
    """Send to a manager that is this machine, whose connection does each command so often.

    Returns what its module was asked, and the bytes of the largest input of a command. It has no temporary folder to use.
    """
    asked: list[dict[str, Any]] = []
    sizes: list[int] = []

    def execute(command: str, in_data: bytes) -> dict[str, Any]:
        sizes.append(len(in_data))
        for _try in range(tries - 1):
            subprocess.run(["sh", "-c", command], input=in_data, check=False)
        done = subprocess.run(["sh", "-c", command], input=in_data, capture_output=True, check=False)
        return {"rc": done.returncode, "stderr": done.stderr.decode()}

    connection = SimpleNamespace(_shell=SimpleNamespace(quote=shlex.quote))
    action = SimpleNamespace(_connection=connection, _low_level_execute_command=execute)
    manager = Manager("m1", lambda **arguments: asked.append(arguments) or {}, action)
    cluster_restore._send(manager, io.BytesIO(tar), {"cluster": "c1", "state": "sent", "restore": "r1"})
    return asked, max(sizes)


def test_it_lies_with_the_secrets_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "SENT", f"{tmp_path}/keelson/{{cluster}}/restore.tar")
    sent = tmp_path / "keelson" / "c1" / "restore.tar"
    assert send(b"secrets")[0] == [{"cluster": "c1", "state": "sent", "restore": "r1", "source": str(sent)}]
    assert sent.read_bytes() == b"secrets"
    assert (sent.stat().st_mode & 0o777, sent.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("tries", [1, 2])
def test_no_more_than_a_block_of_it_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int) -> None:
    monkeypatch.setattr(restoring, "SENT", f"{tmp_path}/keelson/{{cluster}}/restore.tar")
    monkeypatch.setattr(cluster_restore, "BLOCK", 1 << 16)
    tar = bytes(range(256)) * 1000
    (tmp_path / "keelson" / "c1").mkdir(parents=True)
    (tmp_path / "keelson" / "c1" / "restore.tar").write_bytes(tar * 2)  # of a run that was cut off
    assert send(tar, tries)[1] == 1 << 16
    assert (tmp_path / "keelson" / "c1" / "restore.tar").read_bytes() == tar


def test_a_manager_that_cannot_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keelson").write_text("")
    monkeypatch.setattr(restoring, "SENT", f"{tmp_path}/keelson/{{cluster}}/restore.tar")
    with pytest.raises(BackupError, match="^m1 cannot keep it: "):
        send(b"secrets")


def test_it_goes_once_it_is_unpacked_or_cannot_be(tmp_path: Path) -> None:
    source = tmp_path / "restore.tar"
    source.write_bytes(b"no tar")
    with pytest.raises(BackupError):
        restoring.place("c1", str(source), "r1", str(tmp_path / "{cluster}" / "restore"))
    assert not source.exists()
