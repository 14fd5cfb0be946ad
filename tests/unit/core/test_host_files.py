# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a host: whole or as they were."""

from __future__ import annotations

import errno
import fnmatch
import getpass
import grp
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.checks.host import private as judge_private
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host.files import FileError, describe, ensure
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.host.wipe import restore
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import introduction
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.registries import containerd_files

ROLES = Path(__file__).parents[3] / "roles"
USER, GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


def desired(path: Path, **settings: Any) -> host_files.Desired:
    entry = {"state": "file", "content": None, "data": None, "target": None, "mode": None, "secret": False}
    return host_files.desired({**entry, "path": str(path), "owner": USER, "group": GROUP, **settings})


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"mode": "0644"}, "either content or data"),
        ({"mode": "0644", "content": "", "data": {}}, "either content or data"),
        ({"content": "x"}, "a file needs a mode"),
        ({"state": "directory"}, "a directory needs a mode"),
        ({"state": "link"}, "a link needs a target"),
    ],
)
def test_entries_that_contradict_themselves(tmp_path: Path, settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(FileError, match=fault):
        desired(tmp_path / "x", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"content": "a\n", "mode": "0640"},
        {"data": {"b": 1, "a": [True, None]}, "mode": "0600"},
        {"state": "directory", "mode": "0750"},
        {"state": "link", "target": "/somewhere"},
    ],
)
def test_the_first_run_changes_and_the_second_does_not(tmp_path: Path, settings: dict[str, Any]) -> None:
    want = desired(tmp_path / "x", **settings)
    predicted = ensure(want, True)
    assert not os.path.lexists(want.path)
    done = ensure(want, False)
    assert done == predicted and done is not None and done.diff["before"] == "absent\n"
    assert ensure(want, True) is None and ensure(want, False) is None
    absent = desired(tmp_path / "x", state="absent")
    assert ensure(absent, False) is not None
    assert ensure(absent, False) is None and list(tmp_path.iterdir()) == []


def test_data_becomes_json_with_sorted_keys(tmp_path: Path) -> None:
    ensure(desired(tmp_path / "x", data={"b": 1, "a": 2}, mode="0600"), False)
    text = (tmp_path / "x").read_text()
    assert json.loads(text) == {"a": 2, "b": 1} and text.index('"a"') < text.index('"b"')


def test_the_mode_is_exact_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        ensure(desired(tmp_path / "x", content="", mode="0644"), False)
        ensure(desired(tmp_path / "d", state="directory", mode="0755"), False)
    finally:
        os.umask(before)
    assert describe(str(tmp_path / "x")) == f"file 0644 {USER} {GROUP}\n"
    assert describe(str(tmp_path / "d")) == f"directory 0755 {USER} {GROUP}\n"


def test_a_mode_that_differs_is_a_change_and_the_diff_says_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a\n")
    (tmp_path / "x").chmod(0o666)
    change = ensure(desired(tmp_path / "x", content="a\n", mode="0600"), False)
    assert change is not None
    assert change.diff["before"] == f"file 0666 {USER} {GROUP}\na\n"
    assert change.diff["after"] == f"file 0600 {USER} {GROUP}\na\n"


def test_a_secret_is_in_no_diff(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old secret")
    change = ensure(desired(tmp_path / "x", content="new secret", mode="0600", secret=True), False)
    assert change is not None and "old" not in str(change) and "new" not in str(change)


@pytest.mark.parametrize("call", ["fsync", "replace", "fchown"])
def test_a_disk_that_fills_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    (tmp_path / "x").write_text("old")

    def full(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        ensure(desired(tmp_path / "x", content="new", mode="0600"), False)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")]


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        (tmp_path / "x").write_text("old")
        with pytest.raises(OSError, match="No space"):
            ensure(desired(tmp_path / "x", content="new" * 100_000, mode="0600"), False)
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_what_a_killed_run_left_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / ".x.partial").write_text("half")
    (tmp_path / ".l.partial").symlink_to("/half")
    ensure(desired(tmp_path / "x", content="whole", mode="0600"), False)
    ensure(desired(tmp_path / "l", state="link", target="/whole"), False)
    assert (tmp_path / "x").read_text() == "whole" and os.readlink(tmp_path / "l") == "/whole"
    assert {path.name for path in tmp_path.iterdir()} == {"x", "l"}


def test_a_link_that_the_directory_s_owner_put_there_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("root's")
    (tmp_path / ".key.pem.partial").symlink_to(tmp_path / "shadow")
    assert ensure(desired(tmp_path / "key.pem", content="new", mode="0600"), check=False)
    assert (tmp_path / "shadow").read_text() == "root's" and (tmp_path / "key.pem").read_text() == "new"
    (tmp_path / ".old.partial").symlink_to(tmp_path / "shadow")
    restore(
        str(tmp_path / "old"),
        {"state": "file", "content": "b2xk", "uid": os.getuid(), "gid": os.getgid(), "mode": 0o600},
    )
    assert (tmp_path / "shadow").read_text() == "root's" and (tmp_path / "old").read_text() == "old"


def test_an_unknown_account_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nobody-of-that-name"):
        ensure(desired(tmp_path / "x", content="", mode="0600", owner="nobody-of-that-name"), False)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("far")
    (tmp_path / "x").symlink_to(tmp_path / "far")
    ensure(desired(tmp_path / "x", content="near", mode="0600"), False)
    assert (tmp_path / "far").read_text() == "far" and not (tmp_path / "x").is_symlink()


def test_a_removed_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "x").symlink_to(tmp_path / "far")
    ensure(desired(tmp_path / "x", state="absent"), False)
    assert (tmp_path / "far").is_dir() and not os.path.lexists(tmp_path / "x")


def test_a_data_volume_is_emptied_and_stays(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(volume)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        (volume / "data").mkdir()
        (volume / "file").touch()
        absent = desired(volume, state="absent")
        assert ensure(absent, False) is not None
        assert list(volume.iterdir()) == [] and ensure(absent, False) is None
    finally:
        subprocess.run(["umount", str(volume)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to other accounts")
def test_files_that_others_may_use_are_closed_again(tmp_path: Path) -> None:
    """Only root and the owner: a key that somebody opened, one in a foreign group, one of another account."""
    for name, mode, owner, group in (
        ("good.key", 0o600, 0, 0),
        ("opened.key", 0o644, 0, 0),
        ("grouped.key", 0o640, 0, 12345),
        ("given.key", 0o600, 12345, 0),
        ("public.crt", 0o644, 0, 0),
    ):
        path = tmp_path / "pki" / "etcd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        path.chmod(mode)
        os.chown(path, owner, group)
    entry = {"path": f"{tmp_path}/**/*.key", "state": "private"}
    defaults = {
        "content": None,
        "data": None,
        "target": None,
        "mode": None,
        "owner": "root",
        "group": "root",
        "secret": False,
    }
    assert judge_private([(entry["path"], "root")]).passed is False
    for check in (True, False):
        changes: list[host_files.Change] = []
        host_files.ensure_all([{**defaults, **entry}], check, changes, Receipts("nomad"))
        assert [Path(change.path).name for change in changes] == ["given.key", "grouped.key", "opened.key"]
    verdict = judge_private([(entry["path"], "root")])
    assert verdict.passed, verdict.evidence
    assert (tmp_path / "pki" / "etcd" / "opened.key").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "pki" / "etcd" / "grouped.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "pki" / "etcd" / "public.crt").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_not_there_yet_exposes_nothing(tmp_path: Path) -> None:
    """As in check mode, in which nothing was made: Python's glob names the folder of ** whether it is there or not."""
    assert host_files.exposed(f"{tmp_path}/none/**", "root") == {}


def entries(value: Any) -> Iterator[dict[str, Any]]:
    """Every file that data of a role describe."""
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from entries(item)


@pytest.mark.parametrize("engine", components.engines())
def test_an_installation_closes_what_verify_finds_open(engine: str) -> None:
    for name, part in components.engine(engine).parts.items():
        roles = ("host_node", "cluster_manager") if name == "manager" else ("host_node",)
        files = [path for role in roles for path in ROLES.glob(f"{role}/[tv]a*s/**/*.yml")]
        found = [entry for path in files for entry in entries(yaml.safe_load(path.read_text()))]
        found += [*containerd_files({"*": {"username": "u", "password": "p"}}), *introduction.files("token")]
        closed = {
            entry["path"]
            .replace("{{ cluster_name }}", "*")
            .replace("{{ __host_node_proxy_file }}", "/etc/keelson/proxy.env")
            for entry in found
            if entry.get("state") == "private" or re.fullmatch("0[67][0-7]0", str(entry.get("mode")))
        }
        assert part.secrets
        listed = closed | {want for want in part.secrets if "**" not in want and fnmatch.filter(closed, want)}
        assert set(part.secrets) - listed == set()
