# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades of managers and nodes: order, gates, and the way back, with kubeadm, etcd and the API played by fakes."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import install
from ansible_collections.keelson.cluster.plugins.module_utils.host import previous, switch
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    control,
    etcd,
    kubeadm,
    membership,
    network,
    upgrade,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.members import members
from fake_kubernetes import FakeKubernetes
from test_kubernetes_steps import SYSTEM, Kubeadm, program  # noqa: F401

OLD, NEW = "1.35.4", "1.36.3"
ADDONS = "addons"
ADDRESSES = ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
PROXY = "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"
MEMBERS = [etcd.Member(f"{n}", f"m{n}", address, True, False) for n, address in enumerate(ADDRESSES, 1)]


class Host:
    """A host below a folder: links of artifacts, a file, manifests; `serves` are the API servers' versions by address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.serves = dict.fromkeys(ADDRESSES, f"v{OLD}")
        self.config = folder / "kubeadm.yaml"
        self.config.write_text("old")
        self.manifest = folder / "kube-apiserver.yaml"
        self.manifest.write_text("old")
        for name in ("kubeadm", "kubelet"):
            for version in (OLD, NEW):
                place = folder / "opt" / name / version
                place.mkdir(parents=True)
                install.note(place, {"name": name, "version": version, "files": [], "images": [], "links": {}})
            (folder / "opt" / name / "current").symlink_to(OLD)

    def uses(self, name: str) -> str:
        """The version a link leads to."""
        return str((self.folder / "opt" / name / "current").readlink())

    def given(self, services: str, **more: Any) -> dict[str, Any]:
        """Arguments of the module, on the first manager."""
        file = {"path": str(self.config), "content": "new", "mode": "0600", "owner": None, "group": None}
        return {
            "cluster": "product",
            "part": "manager",
            "services": services,
            "name": "m1",
            "address": ADDRESSES[0],
            "managers": ADDRESSES,
            "versions": {"kubeadm": NEW, "kubelet": NEW},
            "files": [{**file, "owner": _name("uid"), "group": _name("gid")}],
            "timeout": 0,
            **more,
        }


def _name(kind: str) -> str:
    return pwd.getpwuid(os.getuid()).pw_name if kind == "uid" else grp.getgrgid(os.getgid()).gr_name


@pytest.fixture
def host(tmp_path: Path, program: Kubeadm, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> Host:  # noqa: F811
    """A manager at the old version, all members well; etcd is led from elsewhere."""
    found = Host(tmp_path)
    monkeypatch.setattr(upgrade, "MANIFESTS", (str(found.manifest),))
    monkeypatch.setattr(upgrade, "SCRATCH", str(tmp_path / "scratch-*"))
    monkeypatch.setattr(upgrade, "NODE_FILE", str(tmp_path / "admin.conf"))
    monkeypatch.setattr(upgrade, "_serves", lambda _api, address: found.serves[address])
    monkeypatch.setattr(upgrade, "alone", contextlib.nullcontext)
    monkeypatch.setattr(previous, "KEPT", str(tmp_path / "kept" / "previous.json"))
    monkeypatch.setattr(kubeadm, "CONFIG", str(found.config))
    monkeypatch.setattr(kubeadm, "CONTROL", (str(found.config),))
    monkeypatch.setattr(kubeadm, "KUBELET_FILES", ())
    due = switch.due
    monkeypatch.setattr(switch, "due", lambda versions: due(versions, tmp_path / "opt"))
    monkeypatch.setattr(etcd, "members", lambda: MEMBERS)
    monkeypatch.setattr(etcd, "healthy", lambda: set(ADDRESSES))
    monkeypatch.setattr(etcd, "leader", lambda: ADDRESSES[1])
    monkeypatch.setattr(etcd, "sick", lambda: "")
    monkeypatch.setattr(control, "configure_addons", lambda _api: kubeadm.run([ADDONS]))
    monkeypatch.setattr(service_units, "carry_out", lambda *_arguments: None)
    monkeypatch.setattr(service_units, "restart", lambda *_arguments: None)
    monkeypatch.setattr(service_units, "ends", lambda _name: False)
    monkeypatch.setattr(service_units, "why", lambda *_arguments: "its journal is silent")
    monkeypatch.setattr(upgrade, "PATIENCE", 2)
    kubernetes.add("/api/v1/nodes/m1", metadata={"labels": {}}, status=_status(NEW))
    kubernetes.add(PROXY, metadata={"generation": 2}, status={"observedGeneration": 2})
    membership.write_note("product", membership.Note("init", True))
    return found


def _status(version: str) -> dict[str, Any]:
    return {"nodeInfo": {"kubeletVersion": f"v{version}"}, "conditions": [{"type": "Ready", "status": "True"}]}


def calls(fake: Kubeadm) -> list[str]:
    """kubeadm's calls without its options."""
    lines = fake.calls.read_text().splitlines() if fake.calls.exists() else []
    return [line.partition(" --")[0] for line in lines if not line.startswith("config")]


def test_the_first_manager_brings_the_cluster_s_configuration_along(
    host: Host,
    program: Kubeadm,  # noqa: F811
    run: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    answer = run("kubernetes_upgrade", **host.given("management"))
    assert answer["changed"] and not answer["complete"], answer
    assert calls(program) == ["upgrade plan", "init phase upload-config all", "upgrade apply"]
    assert "apply --config /run/" in program.calls.read_text()
    assert host.config.read_text() == "new" and membership.read_note("product").control == kubeadm.control_digest()
    assert (host.uses("kubeadm"), host.uses("kubelet")) == (NEW, OLD)


@pytest.mark.parametrize(("third", "complete"), [(OLD, False), (NEW, True)])
def test_another_manager_follows_and_the_last_one_takes_the_add_ons_along(
    host: Host,
    program: Kubeadm,  # noqa: F811
    kubernetes: FakeKubernetes,
    run: Callable[..., dict[str, Any]],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    third: str,
    complete: bool,
) -> None:
    host.serves = {ADDRESSES[0]: f"v{NEW}", ADDRESSES[1]: f"v{NEW}", ADDRESSES[2]: f"v{third}"}
    told: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: told.append(text))
    answer = run("kubernetes_upgrade", **host.given("management"))
    assert answer["complete"] == complete and not told, answer
    assert calls(program) == ["upgrade node", *([ADDONS] if complete else [])]
    kubernetes.objects[PROXY]["status"] |= {
        "desiredNumberScheduled": 5,
        "updatedNumberScheduled": 4,
        "numberAvailable": 5,
    }
    run("kubernetes_upgrade", **host.given("management"))
    assert len(told) == complete and all("kube-proxy: 4 of 5 pods are ready" in text for text in told)


def test_a_manager_is_left_alone_while_another_one_is_not_well(
    host: Host,
    program: Kubeadm,  # noqa: F811
    run: Callable[..., dict[str, Any]],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(etcd, "healthy", lambda: set(ADDRESSES[:2]))
    answer = run("kubernetes_upgrade", **host.given("management"))
    assert "left as they are" in answer["msg"] and "etcd member m3 is not well" in answer["msg"]
    monkeypatch.setattr(etcd, "healthy", lambda: set(ADDRESSES))
    monkeypatch.setattr(network, "serves", lambda address: "" if address != ADDRESSES[1] else f"{address} is silent")
    assert "10.0.0.12 is silent" in run("kubernetes_upgrade", **host.given("management"))["msg"]
    assert not program.words() and host.config.read_text() == "old" and host.uses("kubeadm") == OLD


def test_a_manager_that_is_away_for_a_while(
    host: Host,
    run: Callable[..., dict[str, Any]],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed: list[str] = []
    monkeypatch.setattr(etcd, "hand_over", handed.append)
    given = {"cluster": "product", "address": ADDRESSES[0], "addresses": ADDRESSES, "timeout": 0}
    assert "msg" not in run("kubernetes_manager_absence", **given, state="begun") and handed == ADDRESSES[:1]
    assert "msg" not in run("kubernetes_manager_absence", **given, state="ended")
    monkeypatch.setattr(etcd, "sick", lambda: "etcd member m3 has not come up.")
    answer = run("kubernetes_manager_absence", **given, state="ended")
    assert "10.0.0.11 did not come back: etcd member m3 has not come up. The other" in answer["msg"]
    monkeypatch.setattr(etcd, "healthy", lambda: set(ADDRESSES[:2]))
    answer = run("kubernetes_manager_absence", **given, state="begun")
    assert "was left as it is" in answer["msg"] and "etcd member m3 is not well" in answer["msg"]
    assert handed == ADDRESSES[:1]


def test_a_manager_that_is_not_well_is_put_back(
    host: Host,
    kubernetes: FakeKubernetes,
    run: Callable[..., dict[str, Any]],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(arguments: list[str], timeout: float = 0) -> str:
        if arguments[:2] == ["init", "phase"]:
            kubernetes.objects[f"{SYSTEM}/configmaps/kubeadm-config"]["data"] = {"ClusterConfiguration": "new"}
        if arguments[:2] == ["upgrade", "apply"]:
            host.manifest.unlink()
            raise kubeadm.KubeadmError("'kubeadm upgrade' failed: no-such-option")
        return ""

    monkeypatch.setattr(kubeadm, "run", fail)
    before = membership.read_note("product")
    answer = run("kubernetes_upgrade", **host.given("management"))
    assert "no-such-option. It has its old version back and is well. Others were left alone" in answer["msg"], answer
    assert host.manifest.read_text() == host.config.read_text() == "old" and host.uses("kubeadm") == OLD
    said = kubernetes.objects[f"{SYSTEM}/configmaps/kubeadm-config"]["data"]
    assert said == {"ClusterConfiguration": "as it was"} and membership.read_note("product") == before


def test_a_manifest_that_an_interrupted_run_had_moved_away_comes_back(
    host: Host,
    run: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    previous.keep([str(host.manifest)])
    host.manifest.unlink()
    assert "complete" in run("kubernetes_upgrade", **host.given("management")) and host.manifest.read_text() == "old"


def test_runtime_and_kubelet_change_and_the_node_reports_it(
    host: Host,
    program: Kubeadm,  # noqa: F811
    run: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    answer = run("kubernetes_upgrade", **host.given("agents"))
    assert answer["changed"], answer
    assert calls(program) == ["upgrade node phase kubelet-config"] and host.uses("kubelet") == NEW
    assert membership.read_note("product").kubelet == kubeadm.kubelet_digest("product") != ""
    run("kubernetes_upgrade", **host.given("agents", part="node"))
    assert calls(program)[-1] == "upgrade node"


@pytest.mark.parametrize("fault", ["kubelet", "ready", "kubeadm", "ends"])
def test_a_node_that_is_not_well_is_put_back(
    host: Host,
    program: Kubeadm,  # noqa: F811
    kubernetes: FakeKubernetes,
    run: Callable[..., dict[str, Any]],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    monkeypatch.setattr(service_units, "ends", lambda _name: fault == "ends")
    words = {
        "ends": "its kubelet ends",
        "kubelet": "its kubelet has not reported as v1.36.3",
        "ready": "the node is not ready: no network",
    }
    node = kubernetes.objects["/api/v1/nodes/m1"]
    if fault == "kubelet":
        node["status"] = _status(OLD)
    if fault == "ready":
        node["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "no network"}]
    if fault == "kubeadm":
        program.fault.write_text("error: no such phase\n")
    answer = run("kubernetes_upgrade", **host.given("agents", part="node"))
    assert words.get(fault, "error: no such phase") in answer["msg"] and "The old one is back" in answer["msg"], answer
    assert host.config.read_text() == "old" and host.uses("kubelet") == OLD


def test_check_mode_changes_nothing(
    host: Host,
    program: Kubeadm,  # noqa: F811
    run: Callable[..., dict[str, Any]],  # noqa: F811
) -> None:
    assert run("kubernetes_upgrade", **host.given("management"), _ansible_check_mode=True)["changed"]
    assert not program.words() and host.uses("kubeadm") == OLD


@pytest.mark.parametrize(
    ("found", "well", "reason"),
    [
        (MEMBERS, ADDRESSES, None),
        (MEMBERS, ADDRESSES[1:], None),  # only this one is sick
        (MEMBERS, ADDRESSES[:2], "etcd member m3 is not well"),
        (MEMBERS[:1], ADDRESSES[:1], None),
        (MEMBERS[:2], ADDRESSES[:2], "only 1 of 2 etcd members would remain"),
    ],
)
def test_when_a_member_of_etcd_may_be_restarted(found: list[etcd.Member], well: list[str], reason: str | None) -> None:
    assert etcd.refuse_restart(found, set(well), ADDRESSES[0]) == reason


def test_who_leads_etcd_and_hands_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kubernetes: FakeKubernetes
) -> None:
    status = [
        {"Endpoint": f"https://{address}:2379", "Status": {"header": {"member_id": n}, "leader": 1}}
        for n, address in enumerate(ADDRESSES, 1)
    ]
    program = tmp_path / "etcdctl"  # noqa: F811
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\ncase "$*" in *status*) cat {tmp_path}/status;; *) echo moved;; esac\n'
    )
    program.chmod(0o755)
    (tmp_path / "status").write_text(json.dumps(status))
    monkeypatch.setattr(etcd, "COMMAND", (str(program),))
    monkeypatch.setattr(etcd, "members", lambda: MEMBERS)
    assert etcd.leader() == ADDRESSES[0]
    etcd.hand_over(ADDRESSES[1])
    assert "move-leader" not in (tmp_path / "calls").read_text()
    etcd.hand_over(ADDRESSES[0])
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith("move-leader 2")
    for name, address in zip(("m1", "m2"), ADDRESSES):
        labels = {kubeadm.ROLE_LABEL: ""}
        kubernetes.add(
            f"/api/v1/nodes/{name}",
            metadata={"labels": labels},
            status={"addresses": [{"type": "InternalIP", "address": address}]},
        )
    assert [entry["leader"] for entry in members(kubernetes.api(), ADDRESSES[1])] == [False, True]
    (tmp_path / "status").unlink()
    assert etcd.leader() == ""
