# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that cannot be taken: they are told, nothing half is kept, and the next one is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from lab.backup import STORE, Backups
from lab.servers import Lab, Server
from local_servers.servers import numbered
from moto.server import ThreadedMotoServer

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


UNIT = "keelson-backup.service"


def by_timer(lab: Lab) -> list[str]:
    """Start on every manager what its timer starts; returns the managers on which it failed."""
    return [
        m.name for m in lab.managers if "failed" in lab.ssh(m, f"systemctl start {UNIT} 2>/dev/null || echo failed")
    ]


def test_the_timers_take_one_without_a_controller(backups: Backups) -> None:
    """The manager that leads takes it, the others none; where it fails, verify tells it until another one was taken."""
    lab = backups.lab
    for manager in lab.managers:
        assert lab.ssh(manager, "systemctl is-active keelson-backup.timer").strip() == "active"
    before = backups.stored()
    assert by_timer(lab) == []
    taken = {name: found - before[name] for name, found in backups.stored().items() if found - before[name]}
    assert len(taken) == 1 and all(len(found) == 1 for found in taken.values()), taken
    for manager in lab.managers:
        fill(lab, manager, STORE)
    try:
        failed = by_timer(lab)
        assert failed == list(taken), "the manager that leads"
        told = backups.play("verify").expect(2).words()
        assert "No space left on device" in told and failed[0] in told, told[-3000:]
    finally:
        for manager in lab.managers:
            lab.ssh(manager, f"umount {STORE}; systemctl reset-failed {UNIT}", check=False)
    assert by_timer(lab) == []
    backups.play("verify").expect()


@contextlib.contextmanager
def s3_store(lab: Lab) -> Iterator[dict[str, Any]]:
    """A bucket of a store on this machine, which the servers reach by their network."""
    address = numbered(lab.subnet, 1)[0]
    server = ThreadedMotoServer(ip_address=address, port=0)
    server.start()
    try:
        url, keys = f"http://{address}:{server.get_host_and_port()[1]}", {"access_key": "k", "secret_key": "s"}
        signed = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=url, **signed).create_bucket(Bucket="backups")
        yield {"s3": {"endpoint": url, "bucket": "backups", "prefix": "drill/", **keys}}
    finally:
        server.stop()


@contextlib.contextmanager
def sftp_store(lab: Lab) -> Iterator[dict[str, Any]]:
    """An account of a host node, with a key of its own."""
    host, key = lab.nodes[0], "/root/backup-key"
    lab.ssh(host, f"mkdir -p {STORE}; rm -f {key}*; ssh-keygen -q -t ed25519 -N '' -C drill-backup -f {key}")
    lab.ssh(host, f"cat {key}.pub >> /root/.ssh/authorized_keys")
    try:
        known = lab.ssh(host, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub").strip()
        account = {"host": host.address, "user": "root", "directory": STORE, "host_key": f"{host.address} {known}"}
        yield {"sftp": {**account, "key": lab.ssh(host, f"cat {key}")}}
    finally:
        lab.ssh(host, f"sed -i /drill-backup/d /root/.ssh/authorized_keys; rm -rf {key}* {STORE}", check=False)


@pytest.mark.parametrize("store", [s3_store, sftp_store])
def test_a_store_that_all_managers_share(cluster: Lab, tmp_path: Path, store: Any) -> None:
    """Backups are taken, counted, listed and read there: by managers, and by the controller that would restore."""
    lab, backups = cluster, Backups(cluster, tmp_path)
    with store(lab) as target:
        backups.variables["cluster_backup"]["target"] = target
        backups.play("bundle").expect()
        backups.play("install").expect()
        for _turn in range(3):
            backups.take().expect()
        names = backups.listed()
        assert len(names) == 2, "as many as are kept"
        backups.play("verify").expect()
        asked = f"restore_identity={backups.identity} restore_confirm={lab.name}"
        foretold = backups.play("restore", "-e", asked, "--check").expect().words()
        assert f"would be restored from {names[-1]}, a backup of {lab.name}" in foretold, foretold[-3000:]
    lab.play("install").expect()


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
