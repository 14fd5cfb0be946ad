# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a Kubernetes cluster is saved, and how a manager is put on that state again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    backup,
    etcd,
    kubeadm,
    membership,
    removed,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.restore import Restore
from fake_kubernetes import FakeKubernetes

# What etcdutl and etcdctl do: they note how they were called, and make what they are asked for.
ETCDUTL = """
for word; do case $word in --data-dir=*) made=${word#*=};; esac; done
[ "$(cat "$3")" = whole ] || { echo "Error: snapshot file sha256 mismatch" >&2; exit 1; }
mkdir -p "$made/member" && echo new > "$made/member/wal"
"""
ETCDCTL = 'for path; do :; done; echo whole > "$path"'


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Stand-ins of etcd's programs; returns how they were called."""
    log = tmp_path / "called"
    for name, text in (("etcdutl", ETCDUTL), ("etcdctl", ETCDCTL)):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$@" >> {log}\n{text}')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(etcd, "UTIL", str(tmp_path / "etcdutl"))
    monkeypatch.setattr(etcd, "COMMAND", (str(tmp_path / "etcdctl"), *etcd.COMMAND[1:]))
    return lambda: log.read_text() if log.exists() else ""


@pytest.mark.parametrize("leader", [7, 8])
def test_the_member_that_leads_takes_the_backup(leader: int, monkeypatch: pytest.MonkeyPatch) -> None:
    status = [{"Endpoint": "https://127.0.0.1:2379", "Status": {"header": {"member_id": 7}, "leader": leader}}]
    monkeypatch.setattr(etcd, "ask", lambda *_arguments: status)
    assert backup.leads("c1") == (leader == 7)


def test_a_snapshot_and_the_configuration_are_saved(tmp_path: Path, programs: Callable[[], str]) -> None:
    source, place = tmp_path / "kubernetes", tmp_path / "place"
    (source / "pki" / "etcd").mkdir(parents=True)
    (source / "patches").mkdir()
    (source / "pki" / "etcd" / "ca.crt").write_text("CA")
    (source / "kubeadm.yaml").write_text("{}")
    place.mkdir()
    backup.save("c1", str(place), str(source))
    assert (place / "etcd.snap").read_text() == "whole\n"
    assert (place / "configuration" / "pki" / "etcd" / "ca.crt").read_text() == "CA"
    assert (place / "configuration" / "kubeadm.yaml").exists()
    # The later of two counts: large states take longer than questions.
    assert f"--command-timeout=10s --command-timeout=4h snapshot save {place}/etcd.snap" in programs()


def test_what_came_of_a_backup_is_kept_in_the_cluster(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Api, "from_env", lambda *_arguments, **_more: kubernetes.api())
    assert backup.recorded("c1") is None
    status = {"last": {"host": "m1", "time": 1.0, "error": ""}}
    backup.record("c1", status)
    assert backup.recorded("c1") == status


class Manager:
    """A manager; `state` is what kubeadm's files say of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.state, self.resets, self.notes = folder, membership.ABSENT, 0, []  # type: ignore[var-annotated]
        (folder / "files" / "kubernetes").mkdir(parents=True)
        monkeypatch.setattr(membership, "by_files", lambda *_arguments: self.state)
        monkeypatch.setattr(membership, "write_note", lambda _cluster, note: self.notes.append(note))
        monkeypatch.setattr(kubeadm, "reset", self.reset)

    def reset(self, _ignore: list[str], leave: bool = True) -> None:
        """Take its node down."""
        assert not leave, "it asked a cluster without quorum to let it go"
        self.resets += 1

    def restore(self, number: str, loads: bool) -> Restore:
        """A restore of it; C(loads) where it has the backup's files."""
        places = {"data": str(self.folder / "etcd"), "mark": str(self.folder / "mark"), "aside": str(self.folder / "b")}
        return Restore(number, "c1", "m1", "10.0.0.1", str(self.folder / "files") if loads else "", **places)

    def snapshot(self, text: str) -> None:
        """Lay a snapshot there."""
        (self.folder / "files" / "kubernetes" / "etcd.snap").write_text(text)

    def join(self) -> None:
        """Let it be a member with data."""
        self.state = membership.JOINED
        (self.folder / "etcd" / "member").mkdir(parents=True, exist_ok=True)
        (self.folder / "etcd" / "member" / "wal").write_text("old")

    def held(self) -> dict[str, str]:
        """Its data of etcd, and those of before by their names."""
        return {
            str(path.relative_to(self.folder).parent): path.read_text().strip() for path in self.folder.rglob("wal")
        }


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    return Manager(tmp_path / "m1", monkeypatch)


def test_a_new_manager_takes_the_state(manager: Manager, programs: Callable[[], str]) -> None:
    manager.snapshot("whole")
    restore = manager.restore("r1", True)
    assert not restore.done()
    restore.make([])
    assert restore.done()
    assert not manager.restore("r2", True).done()
    assert manager.held() == {"etcd/member": "new"}
    assert os.listdir(manager.folder / "etcd") == ["member"]
    assert manager.notes == [membership.Note("restore", False)], "kubeadm would not go on with it"
    assert not manager.resets
    for word in (
        "--initial-cluster=m1=https://10.0.0.1:2380",
        "--initial-cluster-token=r1",
        "--bump-revision=1000000000",
        "--mark-compacted",
    ):
        assert word in programs()


def test_members_of_before_are_taken_down_and_their_data_stay(manager: Manager, programs: Callable[[], str]) -> None:
    manager.join()
    manager.restore("r1", False).make([])
    assert manager.resets == 1
    assert manager.held() == {"b/r1-0": "old"}
    assert not manager.notes
    assert not programs()
    # Cut off before the mark was written: what is there by now is moved aside too.
    (manager.folder / "mark").unlink()
    manager.join()
    manager.snapshot("whole")
    manager.restore("r1", True).make([])
    assert manager.held() == {"b/r1-0": "old", "b/r1-1": "old", "etcd/member": "new"}


def test_a_snapshot_that_cannot_be_read_changes_nothing(manager: Manager, programs: Callable[[], str]) -> None:
    manager.join()
    manager.snapshot("cut off")
    with pytest.raises(etcd.EtcdError, match=r"'etcdutl snapshot restore .*': Error: snapshot file sha256 mismatch"):
        manager.restore("r1", True).make([])
    assert not manager.resets
    assert manager.held() == {"etcd/member": "old"}
    assert not manager.restore("r1", True).done()
    assert programs()


def test_an_address_of_ipv6(programs: Callable[[], str], tmp_path: Path) -> None:
    (tmp_path / "snap").write_text("whole")
    etcd.restore(str(tmp_path / "snap"), str(tmp_path / "to"), "m1", "fd00::1", "r1")
    assert "--initial-advertise-peer-urls=https://[fd00::1]:2380" in programs()


def test_a_restored_cluster_forgets_managers_and_tokens_of_before(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    manages = {"node-role.kubernetes.io/control-plane": ""}
    for name, labels in (("m1", manages), ("m2", manages), ("w1", {})):
        kubernetes.add(f"/api/v1/nodes/{name}", metadata={"uid": name, "labels": labels})
        kubernetes.add(f"/api/v1/namespaces/team-a/pods/on-{name}", spec={"nodeName": name})
    secrets = "/api/v1/namespaces/keelson-join/secrets"
    kubernetes.add(f"{secrets}/t1", metadata={"labels": {"keelson.cluster/record": "token"}})
    kubernetes.add(f"{secrets}/other")
    monkeypatch.setattr(etcd, "members", lambda: [etcd.Member("a", "m1", "10.0.0.1", True, False)])
    kubeadm.forget_former(kubernetes.api())
    nodes = {f"/api/v1/{kind}{name}" for kind in ("nodes/", "namespaces/team-a/pods/on-") for name in ("m1", "w1")}
    assert set(kubernetes.objects) == {*nodes, f"{secrets}/other", removed.BINDING, removed.POLICY}
    assert set(removed.read(kubernetes.objects[removed.POLICY])) == {"system:node:m2"}
