# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are taken, kept and forgotten, and those that a restore refuses."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.backup import archive, checks, program, restoring, targets
from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import BackupError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import remote
from ansible_collections.keelson.cluster.plugins.plugin_utils import age
from ansible_collections.keelson.cluster.plugins.plugin_utils.backup import restore
from ansible_collections.keelson.cluster.plugins.plugin_utils.backup.component import settings
from ansible_collections.keelson.cluster.plugins.plugin_utils.nomad.secrets import restored_secrets
from backup_world import PAYLOAD, Key, World, world
from moto.server import ThreadedMotoServer

__all__ = ["world"]

# Made by age 1.2.1.
IDENTITY = "AGE-SECRET-KEY-12Z59TUT9Y24T2Y043D4M9EEZZPKU34YE2AEHEG8SV4SWXCKJTPGS40CEAU"
SEALED = (
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA1VmxtVDZpSlFaVHI0K1ZPeE5FcmU4Mk9adXFHL05oYUZVOXd6a0hyOWpnCk90K0M1Um92UTdT"
    "TFFvcnB0TGFXbGFuTytpcGdOR3grL1R5TWt1Z1VHRUEKLS0tIERleWlpalo2SCtjV3NSSlYrNWNZZU1LVG1ubGVNd01XYkovWVViY09HRXcK2Sv+ZO/m"
    "6cLvSBRoJIMHFeAEKesKhoLioKmhLNnjqIY9vvizEeQaJk4On+6j"
)


def opened(sealed: bytes, identity: str) -> bytes:
    output = io.BytesIO()
    age.decrypt(io.BytesIO(sealed), age.identities(identity, "backup.key"), output, "b.tar.age")
    return output.getvalue()


def test_a_file_of_age_is_read() -> None:
    assert opened(base64.b64decode(SEALED), IDENTITY) == b"hello backup\n"


@pytest.mark.parametrize("at", [3, 40, 120, 180, 210])
def test_an_altered_file_of_age_is_refused(at: int) -> None:
    sealed = bytearray(base64.b64decode(SEALED))
    sealed[at] ^= 1
    with pytest.raises(age.AgeError, match=r"^b\.tar\.age "):
        opened(bytes(sealed), IDENTITY)


def test_a_file_of_age_that_was_cut_at_a_chunk_is_refused(world: World) -> None:
    from backup_world import seal

    sealed = seal(bytes(3 * age.CHUNK), world.key.recipient)
    assert opened(sealed, world.key.identity) == bytes(3 * age.CHUNK)
    with pytest.raises(age.AgeError, match="changed or cut off"):
        opened(sealed[: -age.CHUNK - 16], world.key.identity)


def test_another_key_is_named() -> None:
    with pytest.raises(
        age.AgeError, match="not encrypted to this key; give the identity of one of cluster_backup.recipients"
    ):
        opened(base64.b64decode(SEALED), Key().identity)


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment", "nonsense", IDENTITY[:-1] + "Q", Key().recipient],
    ids=["nothing", "comment", "nonsense", "wrong sum", "recipient"],
)
def test_an_identity_that_is_none(text: str) -> None:
    with pytest.raises(age.AgeError, match=r"^backup\.key .*; give the file that age-keygen wrote$"):
        age.identities(text, "backup.key")


def given(world: World, **more: Any) -> dict[str, Any]:
    target = {"directory": str(world.store)}
    return {
        "cluster": "c1",
        "engine": "toy",
        "file": "",
        "name": "",
        "identity": "backup.key",
        "target": target,
        **more,
    }


def test_a_backup_is_taken_and_read_again(world: World) -> None:
    note = world.take()
    assert sorted(os.listdir(world.store)) == [f"{note.name}.json", f"{note.name}.tar.age"]
    assert not os.listdir(world.spool), "what is secret is left in the spool"
    contents, tar = restore.open_backup(given(world), world.key.identity)
    assert contents.about["name"] == note.name
    assert restore.newest_secrets(contents) == (1, PAYLOAD)
    tar.seek(0)
    place = world.spool / "unpacked"
    archive.read(tar, str(place))
    assert (place / "toy" / "snapshot").read_bytes() == world.snapshot
    assert (place / "toy" / "snapshot").stat().st_mode & 0o777 == 0o600


def test_nothing_of_a_backup_can_be_read_in_the_store(world: World) -> None:
    world.take()
    kept = b"".join(path.read_bytes() for path in world.store.iterdir())
    assert world.snapshot not in kept
    assert b"bootstrap_token" not in kept


def test_the_newest_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store.joinpath("c1-of-somebody-else.tar.age").write_text("not ours")
    for second in range(5):
        monkeypatch.setattr(time, "time", lambda second=second: 1.7e9 + second)
        world.take()
    names = archive.names_in(os.listdir(world.store), "c1")
    assert len(names) == 3
    assert names[-1] == archive.name_of("c1", 1.7e9 + 4)
    assert world.store.joinpath("c1-of-somebody-else.tar.age").exists()
    assert [note["name"] for note in program.list_all(world.settings())] == names


def test_a_backup_without_its_note_is_none(world: World) -> None:
    note = world.take()
    world.store.joinpath(f"{note.name}.json").unlink()
    with pytest.raises(BackupError, match="no backup of this cluster; its newest are: none"):
        restore.fetch(given(world), str(world.spool))


def test_only_the_leader_takes_one_by_the_timer(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "read_settings", lambda _cluster: world.settings())
    world.leads = False
    assert program.main("timer", "c1") == 0
    assert not os.listdir(world.store)
    world.leads = True
    assert program.main("timer", "c1") == 0
    assert len(os.listdir(world.store)) == 2
    capsys.readouterr()


def test_a_failed_backup_is_recorded_and_the_newest_stays(world: World) -> None:
    first = world.take()
    with pytest.raises(BackupError, match="is not there; mount or create it"):
        world.take(target={"directory": "/nonexistent"})
    assert world.recorded["newest"]["name"] == first.name
    found = {check["check"]: check for check in checks.judge({"hours": 26, "recorded": world.recorded}, time.time())}
    assert found["backup_age"]["passed"]
    assert not found["backup_last"]["passed"]
    assert "/nonexistent" in found["backup_last"]["evidence"]
    assert not os.listdir(world.spool)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "/spool"),
        shutil.Error([("a", "/spool", "[Errno 28] No space left on device: '/spool'")]),
    ],
)
def test_a_full_disk_is_told_in_one_line(world: World, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def full(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(program.shutil, "copytree", full)
    with pytest.raises(OSError):
        world.take()
    assert world.recorded["last"]["error"] == "[Errno 28] No space left on device: '/spool'"
    assert not os.listdir(world.store) and not os.listdir(world.spool)


def test_an_old_backup_and_none_at_all_are_faults(world: World) -> None:
    none = {"hours": 26, "recorded": {}}
    assert [check["passed"] for check in checks.judge(none, 0.0)] == [False, False]
    world.take()
    late = time.time() + 27 * 3600
    assert [check["passed"] for check in checks.judge({"hours": 26, "recorded": world.recorded}, late)] == [False, True]


def test_a_backup_that_cannot_be_sealed_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "AGE", "/bin/false")
    with pytest.raises(BackupError, match="age ends with 1"):
        world.take()
    assert not os.listdir(world.store)


def test_a_truncated_and_an_altered_backup(world: World) -> None:
    note = world.take()
    sealed = world.store / f"{note.name}.tar.age"
    whole = sealed.read_bytes()
    sealed.write_bytes(whole[:-7])
    with pytest.raises(
        BackupError, match=f"has {len(whole) - 7} bytes, and its note says {len(whole)}: it is truncated"
    ):
        restore.open_backup(given(world), world.key.identity)
    sealed.write_bytes(whole[:-7] + b"changed")
    with pytest.raises(BackupError, match="was changed after it was written"):
        restore.open_backup(given(world), world.key.identity)


def test_a_backup_of_another_cluster(world: World) -> None:
    note = world.take()
    file = str(world.store / f"{note.name}.tar.age")
    with pytest.raises(BackupError, match=r"is a backup of the cluster c1 \(toy\), and this is c2 \(toy\)"):
        restore.open_backup(given(world, cluster="c2", file=file), world.key.identity)
    # Whoever changes the note does not change what is sealed.
    beside = world.store / f"{note.name}.json"
    beside.write_text(beside.read_text().replace('"c1"', '"c2"'))
    with pytest.raises(BackupError, match="is a backup of the cluster c1"):
        restore.open_backup(given(world, cluster="c2", file=file), world.key.identity)


@pytest.mark.parametrize(
    ("file", "message"),
    [("b.zip", "b.zip is no backup"), ("/nonexistent/b.tar.age", "/nonexistent/b.json: No such file")],
)
def test_a_file_that_is_no_backup(world: World, file: str, message: str) -> None:
    with pytest.raises(BackupError, match=message):
        restore.fetch(given(world, file=file), str(world.spool))


def test_a_store_without_that_name(world: World) -> None:
    note = world.take()
    with pytest.raises(BackupError, match=f"has no backup c1-x; its newest are: {note.name}"):
        restore.fetch(given(world, name="c1-x"), str(world.spool))


def held(generation: int = 0, pending: str = "", **payload: Any) -> dict[str, Any]:
    return {"generation": generation, "payload": payload, "pending": pending}


def test_a_restore_goes_on_with_new_secrets_above_all_others(world: World) -> None:
    world.take()
    contents, _tar = restore.open_backup(given(world), world.key.identity)
    plan = restore.plan(contents, {"m1": held(), "m2": held(7, gossip_key="newer")}, restored_secrets)
    assert plan.generation == 8
    assert plan.payload["bootstrap_token"] == "t"
    assert plan.payload["gossip_key"] not in ("old", "newer"), "managers of before the restore would join again"
    assert plan.payload["restore"] == {"id": plan.restore, "backup": contents.about["name"]}


def test_a_restore_that_was_cut_off_goes_on(world: World) -> None:
    world.take()
    contents, _tar = restore.open_backup(given(world), world.key.identity)
    first = restore.plan(contents, {"m1": held()}, restored_secrets)
    placed = held(first.generation, first.restore, **first.payload)
    again = restore.plan(contents, {"m1": placed, "m2": held(1)}, restored_secrets)
    assert (again.restore, again.payload, again.begun) == (first.restore, first.payload, "m1")
    # One that was finished, or whose secrets were not yet written, is another one.
    for other in (held(first.generation, "", **first.payload), held(1, first.restore)):
        assert not restore.plan(contents, {"m1": other}, restored_secrets).begun


def test_a_cluster_that_is_well_is_not_taken_back_without_its_name() -> None:
    restore.refuse_well([], "", "c1", "b")
    restore.refuse_well(["m1"], "c1", "c1", "b")
    for confirm in ("", "c2", "true"):
        with pytest.raises(
            BackupError, match=r"c1 is well: m1 can speak for it\. .* Nothing was changed\. .* -e restore_confirm=c1"
        ):
            restore.refuse_well(["m1"], confirm, "c1", "b")


def test_what_lies_on_a_manager_until_it_is_used(world: World, tmp_path: Path) -> None:
    world.take()
    _contents, tar = restore.open_backup(given(world), world.key.identity)
    tar.seek(0)
    source, place = tmp_path / "sent", str(tmp_path / "{cluster}" / "restore")
    source.write_bytes(tar.read())
    os.mkdir(tmp_path / "c1")
    assert restoring.pending("c1", place) == ""
    restoring.place("c1", str(source), "r1", place)
    assert restoring.pending("c1", place) == "r1"
    assert restoring.clear("c1", place)
    assert not restoring.clear("c1", place)
    tar.seek(0)
    source.write_bytes(tar.read()[:3000])
    with pytest.raises(BackupError):
        restoring.place("c1", str(source), "r2", place)
    assert restoring.pending("c1", place) == ""


def test_a_member_that_is_no_file_of_its_own(tmp_path: Path) -> None:
    """A hole of any size costs its writer nothing, and who reads it a disk; of two of one name only one would be checked."""
    hole = tarfile.TarInfo("secrets/000001.json")
    hole.type, hole.pax_headers = tarfile.REGTYPE, {
        "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": "4096", "GNU.sparse.map": "0,0",
        "GNU.sparse.numblocks": "1",
    }  # fmt: skip
    links = [tarfile.TarInfo(name) for name in ("hard", "symbolic", "device", "pipe")]
    for member, kind in zip(links, (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)):
        member.type, member.linkname = kind, "files.json"
    twice = tarfile.TarInfo("files.json")
    for members in ([hole], *([twice, link] for link in links), [twice, twice]):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for member in members:
                tar.addfile(member, io.BytesIO())
        packed.seek(0)
        with pytest.raises(BackupError, match=r"no plain file of a backup|holds no archive"):
            archive.read(packed, str(tmp_path / "out"))
        assert not list((tmp_path / "out").rglob("000001.json"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd"])
def test_a_path_that_leaves_the_backup(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    packed.seek(0)
    with pytest.raises(BackupError, match="no plain file of a backup"):
        archive.read(packed, str(tmp_path / "to"))


def test_an_s3_compatible_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        import boto3

        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys).create_bucket(Bucket="backups")
        s3 = {
            "endpoint": f"http://{host}:{port}",
            "bucket": "backups",
            "access_key": "k",
            "secret_key": "s",
            "prefix": "a b/",
        }
        notes = [world.take(target={"s3": s3}, keep=1)]
        contents, _tar = restore.open_backup(given(world, target={"s3": s3}), world.key.identity)
        assert contents.about["name"] == notes[0].name
        target = targets.open_target({"s3": s3})
        assert sorted(target.names()) == [f"{notes[0].name}.json", f"{notes[0].name}.tar.age"]
        target.delete(f"{notes[0].name}.json")
        target.delete(f"{notes[0].name}.json")
        assert target.names() == [f"{notes[0].name}.tar.age"]
        with pytest.raises(BackupError, match=r"none-such answers 404 NoSuchBucket; check cluster_backup\.target\.s3"):
            targets.open_target({"s3": {**s3, "bucket": "none-such"}}).names()
        with monkeypatch.context() as patch, pytest.raises(BackupError, match="the answer is larger than 99 bytes"):
            patch.setattr(remote, "MOST", 99)
            target.names()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "give one of directory, s3, sftp"),
        ({"ftp": {}}, "give one of directory, s3, sftp"),
        ({"s3": {"endpoint": "https://s3", "bucket": "b", "access_key": "k"}}, "secret_key"),
        ({"s3": {"endpoint": "s3", "bucket": "b", "access_key": "k", "secret_key": "s"}}, "no address of a store"),
        ({"sftp": {"host": "h", "user": "u", "directory": "/b", "key": "k", "hostkey": "x"}}, "hostkey"),
    ],
)
def test_settings_that_every_backup_would_fail_by(world: World, target: dict[str, Any], message: str) -> None:
    from types import SimpleNamespace

    def faults(backup: Any) -> list[str]:
        host = SimpleNamespace(variables={"cluster_backup": backup})
        return [fault.text for fault in settings(SimpleNamespace(hosts=[host]))]  # type: ignore[arg-type]

    well = {"recipients": [world.key.recipient], "target": {"directory": "/b"}}
    assert not faults(well)
    assert [message in text for text in faults({**well, "target": target})] == [True]
    key = world.key.recipient
    mistyped = key[:-1] + ("p" if key.endswith("q") else "q")
    assert ["typing error" in text for text in faults({**well, "recipients": [mistyped]})] == [True]
    assert faults(None)


def test_sftp_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "sftp").write_text(f'#!/bin/sh\necho "$@" >> {log}\ncat >> {log}\necho "sftp> ls"; echo "/b/c1.json"\n')
    (tmp_path / "sftp").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    account = {"host": "h", "user": "u", "directory": "/b c", "key": "KEY", "host_key": "h ssh-ed25519 AAAA"}
    target = targets.open_target({"sftp": account})
    target.put("c1.json", "/tmp/x")
    told = log.read_text()
    assert 'put "/tmp/x" "/b c/c1.json.partial"\nrename "/b c/c1.json.partial" "/b c/c1.json"\n' in told
    assert "StrictHostKeyChecking=yes" in told
    assert "KEY" not in told
    assert target.names() == ["c1.json"]


def test_a_backup_of_a_newer_release_is_told_as_such(world: World) -> None:
    """Whose note has more fields than this one knows."""
    text = json.dumps({**json.loads((world.store / f"{world.take().name}.json").read_text()), "format": 2, "parts": []})
    with pytest.raises(BackupError, match="x.json is of format 2, and this version reads 1; use a newer one"):
        archive.parse_note(text, "x.json")


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{}", '{"format": 1}', '{"name": 1'])
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(BackupError, match="x.json is no note of a backup"):
        archive.parse_note(text, "x.json")


def test_the_note_is_json_with_the_figures_of_the_sealed_file(world: World) -> None:
    note = world.take()
    found = json.loads((world.store / f"{note.name}.json").read_text())
    assert found["size"] == (world.store / f"{note.name}.tar.age").stat().st_size
    assert found["generation"] == 1
