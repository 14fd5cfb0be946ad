# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that cannot be taken: they are told, nothing half is kept, and the next one is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.backup import STORE, Backups
from lab.servers import Lab, Server

SPOOL = "/var/lib/keelson/backup"
STATUS = "PYTHONPATH=/usr/local/lib/keelson/backup python3 -B -m utils.backup.program status {cluster}"
STORED = f"ls {STORE}"


@pytest.fixture
def backups(cluster: Lab, tmp_path: Path) -> Backups:
    """A cluster that is set up for backups, with one in its store."""
    found = Backups(cluster, tmp_path)
    found.prepare()
    found.play("install").expect()
    found.take().expect()
    return found


def fill(lab: Lab, host: Server, place: str) -> None:
    """Have a disk at a place that even the backup of a small cluster fills."""
    lab.ssh(host, f"mkdir -p {place} && mount -t tmpfs -o size=8k,mode=0700 tmpfs {place}")


@pytest.mark.parametrize("place", [SPOOL, STORE], ids=["while it is made", "in the store"])
def test_a_disk_that_fills(backups: Backups, place: str) -> None:
    """The message says so, verify fails with it, the backup of before is there still, and with room another one is taken."""
    lab, manager = backups.lab, backups.lab.managers[0]
    fill(lab, manager, place)
    try:
        refused = backups.take().expect(2)
        assert "No space left on device" in refused.words(), refused.output[-2000:]
        assert lab.ssh(manager, f"ls -A {place}").strip() in ("", "lost+found")
        assert "No space left on device" in lab.ssh(manager, STATUS.format(cluster=lab.name))
        backups.play("verify").expect(2)
    finally:
        lab.ssh(manager, f"umount {place}")
    before = lab.ssh(manager, STORED).split()
    assert [name for name in before if name.endswith(".tar.age")]
    backups.take().expect()
    assert max(lab.ssh(manager, STORED).split()) > max(before)  # the oldest has gone when there are enough
    backups.play("verify").expect()


def test_bad_input(backups: Backups, tmp_path: Path) -> None:
    """Of files and keys that are none: one message each, and nothing was changed."""
    lab, sealed = backups.lab, backups.fetch()
    note = sealed.with_name(sealed.name.replace(".tar.age", ".json"))

    def refused(told: str, **given: str) -> None:
        asked = {"restore_identity": backups.identity, "restore_file": sealed, "restore_confirm": lab.name, **given}
        text = " ".join(f"{name}={value}" for name, value in asked.items() if value)
        run = backups.play("restore", "-e", text).expect(2)
        assert told in run.words() and not run.changed(), (told, run.output[-2000:])

    def altered(name: str, body: bytes, text: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / sealed.name).write_bytes(body)
        (folder / note.name).write_text(text)
        return str(folder / sealed.name)

    whole, text = sealed.read_bytes(), note.read_text()
    (tmp_path / "folder.tar.age").mkdir()
    (tmp_path / "folder.json").write_text(text)
    refused("Is a directory", restore_file=str(tmp_path / "folder.tar.age"))
    refused("it is truncated or another file", restore_file=altered("cut", whole[:-1], text))
    refused("it is truncated or another file", restore_file=altered("empty", b"", text))
    refused(
        "was changed after it was written", restore_file=altered("flipped", whole[:-1] + bytes([whole[-1] ^ 1]), text)
    )
    refused(
        "is of format 2", restore_file=altered("newer", whole, text.replace('"format": 1', '"format": 2, "more": 1'))
    )
    refused("a backup of the cluster other", restore_file=altered("other", whole, text.replace(lab.name, "other")))
    refused("the key is missing", restore_identity="")
    (tmp_path / "wrong.key").write_text("age-secret-key-1\n")
    refused("give the file that age-keygen wrote", restore_identity=str(tmp_path / "wrong.key"))
    refused(f"add -e restore_confirm={lab.name}", restore_confirm="")
    refused(f"add -e restore_confirm={lab.name}", restore_confirm="another")
