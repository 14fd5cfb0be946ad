# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers renew kubeadm's certificates by themselves: which are due, whose turn it is, and what waits."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import lease
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    api,
    authorities,
    control,
    identity,
    kubeadm,
    membership,
    renew,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from fake_kubernetes import FakeKubernetes

DAY = 86400.0
PATH = f"{renew.LEASES}/{renew.NAME}"
NODES = "/api/v1/nodes"


class Manager:
    """What main finds on this manager, and what it did."""

    def __init__(self) -> None:
        self.left: list[certificate.Present] = []
        self.outdated: list[str] = []
        self.done: list[str] = []
        self.unfit = ""
        self.lapsed = False


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, kubernetes: FakeKubernetes) -> Manager:
    """The first of two managers."""
    here = Manager()
    for number in (1, 2):
        labels = {"node-role.kubernetes.io/control-plane": ""}
        addresses = [{"type": "InternalIP", "address": f"10.0.0.{number}"}]
        kubernetes.add(f"{NODES}/m{number}", metadata={"labels": labels}, status={"addresses": addresses})
    monkeypatch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
    monkeypatch.setattr(kubeadm, "state", lambda *_arguments: membership.JOINED)
    monkeypatch.setattr(kubeadm, "outdated", lambda: here.outdated)
    monkeypatch.setattr(renew, "found", lambda: here.left)
    monkeypatch.setattr(control, "renew", lambda *_arguments: here.done.append("renew"))
    monkeypatch.setattr(control, "restart", lambda names, *_arguments: here.done.append(f"restart {names}"))
    monkeypatch.setattr(control, "unfit", lambda addresses, _timeout: here.unfit and f"{here.unfit} {addresses}")
    monkeypatch.setattr(identity, "ended", lambda: here.lapsed)
    monkeypatch.setattr(identity, "renew_here", lambda: here.done.append("kubelet"))
    monkeypatch.setattr(units, "restart", lambda unit: here.done.append(unit.name) and "")
    monkeypatch.setattr(lease, "read", lambda *_arguments: None)
    return here


def left(days: float) -> certificate.Present:
    end = time.time() + days * DAY
    return certificate.Present("/CN=m1", (), end - 365 * DAY - certificate.BACKDATE, end)


def moment(age: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - age))


def held(kubernetes: FakeKubernetes, holder: str, age: float) -> None:
    """Taken an hour before it was last renewed."""
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 1800, "leaseTransitions": 3}
    times = {"acquireTime": moment(age + 3600), "renewTime": moment(age)}
    kubernetes.add(PATH, metadata={"uid": "1", "resourceVersion": "7"}, spec={**spec, **times})


@pytest.mark.parametrize(("days", "done"), [(200, []), (125, []), (120, ["renew"]), (1, ["renew"])])
def test_a_third_of_its_time_is_left(
    manager: Manager, kubernetes: FakeKubernetes, days: float, done: list[str]
) -> None:
    manager.left = [left(300), left(days)]
    assert renew.main("product", "10.0.0.1") == 0
    assert manager.done == done and PATH not in kubernetes.objects


def test_services_that_a_run_before_has_not_started_are(manager: Manager) -> None:
    manager.left, manager.outdated = [left(300)], ["etcd"]
    assert renew.main("product", "10.0.0.1") == 0
    assert manager.done == ["restart ['etcd']"]


@pytest.mark.parametrize(
    ("holder", "age", "done"), [("10.0.0.2", 60, []), ("10.0.0.2", 1900, ["renew"]), ("10.0.0.1", 60, ["renew"])]
)
def test_managers_take_turns(
    manager: Manager,
    kubernetes: FakeKubernetes,
    capsys: pytest.CaptureFixture[str],
    holder: str,
    age: float,
    done: list[str],
) -> None:
    manager.left = [left(10)]
    held(kubernetes, holder, age)
    assert renew.main("product", "10.0.0.1") == 0
    assert manager.done == done
    assert ("10.0.0.2 renews its own" in capsys.readouterr().out) is not bool(done)
    assert (PATH in kubernetes.objects) is not bool(done), "the turn of another stays, one's own ends"


def test_the_lease_tells_since_when_its_holder_has_it(kubernetes: FakeKubernetes) -> None:
    """A renewal keeps that time; another holder is a transition."""
    renew.claim(kubernetes.api(), "10.0.0.1", 1e9)
    first = kubernetes.objects[PATH]["spec"]
    assert (
        first["acquireTime"] == first["renewTime"] == "2001-09-09T01:46:40.000000Z" and first["leaseTransitions"] == 0
    )
    kubernetes.objects[PATH]["metadata"]["resourceVersion"] = "1"
    renew.claim(kubernetes.api(), "10.0.0.1", 1e9 + 60)
    again = kubernetes.objects[PATH]["spec"]
    assert again == {**first, "renewTime": "2001-09-09T01:47:40.000000Z"}
    with pytest.raises(renew.NotNow, match=r"10\.0\.0\.1 renews its own"):
        renew.claim(kubernetes.api(), "10.0.0.2", 1e9 + 60 + renew.SECONDS - 1)
    renew.claim(kubernetes.api(), "10.0.0.2", 1e9 + 60 + renew.SECONDS)
    other = kubernetes.objects[PATH]["spec"]
    assert other["holderIdentity"] == "10.0.0.2" and other["leaseTransitions"] == 1
    assert other["acquireTime"] == other["renewTime"] == "2001-09-09T02:17:40.000000Z"


def test_of_two_managers_that_take_an_ended_lease_at_once_one_does(kubernetes: FakeKubernetes) -> None:
    held(kubernetes, "10.0.0.3", 3600)

    def taken(method: str, path: str, _body: object) -> None:
        if method == "PUT":
            kubernetes.objects[PATH]["metadata"]["resourceVersion"] = "8"

    kubernetes.react = taken  # type: ignore[assignment]
    with pytest.raises(renew.NotNow, match="another manager was first"):
        renew.claim(kubernetes.api(), "10.0.0.2", time.time())


def test_a_run_that_changes_the_cluster_comes_first(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.left = [left(10)]
    run = lease.Lease("1", "upgrade by anna", "", 60, "", 0, 0)
    monkeypatch.setattr(lease, "read", lambda *_arguments: run)
    assert renew.main("product", "10.0.0.1") == 0 and manager.done == []
    assert "wait for the next time: upgrade by anna changes the cluster" in capsys.readouterr().out


def test_managers_that_are_not_well_are_waited_for(
    manager: Manager, kubernetes: FakeKubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.left, manager.unfit = [left(10)], "not well of"
    assert renew.main("product", "10.0.0.1") == 0 and manager.done == []
    assert "not well of ['10.0.0.1', '10.0.0.2']" in capsys.readouterr().out
    assert PATH not in kubernetes.objects


def test_after_a_long_absence_nothing_is_waited_for(manager: Manager, kubernetes: FakeKubernetes) -> None:
    manager.left, manager.unfit, manager.lapsed = [left(-1)], "not well of", True
    held(kubernetes, "10.0.0.2", 60)
    assert renew.main("product", "10.0.0.1") == 0
    assert manager.done == ["kubelet", "kubelet.service", "renew"], "kubelet starts the services"


def test_what_fails_is_told_and_the_turn_ends(
    manager: Manager, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise kubeadm.KubeadmError("etcd does not come back")

    manager.left = [left(10)]
    monkeypatch.setattr(control, "renew", fail)
    assert renew.main("product", "10.0.0.1") == 1
    assert "are not renewed: etcd does not come back" in capsys.readouterr().out and PATH not in kubernetes.objects


def test_a_certificate_is_as_old_as_its_file(tmp_path: Path) -> None:
    ca = pki.make_ca("ca")
    (tmp_path / "apiserver.crt").write_text(pki.issue(ca, pki.sort_names("m1", ["m1"]), 90).certificate)
    made = time.time() - 30 * DAY
    os.utime(tmp_path / "apiserver.crt", (made, made))
    entry = renew.found(str(tmp_path), ())[0]
    assert entry.seconds == pytest.approx(120 * DAY, abs=10) and not entry.due(time.time())
    assert entry.due(time.time() + 51 * DAY)


def test_a_host_node_whose_certificate_has_ended_joins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager does not: it signs its own."""
    monkeypatch.setattr(identity, "FOLDER", str(tmp_path))
    monkeypatch.setattr(membership, "by_files", lambda *_arguments: membership.JOINED)
    assert kubeadm.state("product", "node") == membership.JOINED
    key = certificate.make_key()
    ca = pki.make_ca("ca")
    request = certificate.make_request(key)
    for seconds, state in ((3600, membership.JOINED), (-60, membership.INCOMPLETE)):
        pem = certificate.sign(request, ca.certificate, ca.key, "/O=system:nodes/CN=system:node:w1", [], seconds)
        (tmp_path / identity.CLIENT).write_text(pem + key)
        assert kubeadm.state("product", "node") == state
        assert kubeadm.state("product", "manager") == membership.JOINED


def test_a_manager_signs_the_certificate_of_its_kubelet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, key = pki.make_ca("ca"), certificate.make_key()
    (tmp_path / "ca.crt").write_text(ca.certificate)
    (tmp_path / "ca.key").write_text(ca.key)
    request = certificate.make_request(key)
    subject = "/O=system:nodes/CN=system:node:m1"
    (tmp_path / identity.CLIENT).write_text(certificate.sign(request, ca.certificate, ca.key, subject, [], -60) + key)
    monkeypatch.setattr(identity, "FOLDER", str(tmp_path))
    monkeypatch.setattr(identity, "CA_FILE", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(authorities, "PKI", str(tmp_path))
    assert identity.ended()
    identity.renew_here()
    pem = authorities.first((tmp_path / identity.CLIENT).read_text())
    assert not identity.ended() and certificate.issued_by(pem, ca.certificate)
    assert "CN=system:node:m1" in certificate.read(pem).subject and "O=system:nodes" in certificate.read(pem).subject
