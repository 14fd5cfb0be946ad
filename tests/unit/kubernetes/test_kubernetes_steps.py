# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, joining, settling and removing nodes, with kubeadm and the API played by fakes."""

from __future__ import annotations

import base64
import contextlib
import datetime
import importlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.keelson.cluster.plugins.filter import toml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import Member
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import (
    Changed,
    Conditions,
    Evidence,
    Refused,
)
from ansible_collections.keelson.cluster.plugins.module_utils.host import previous, processes
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    api,
    approve,
    authorities,
    control,
    etcd,
    kubeadm,
    membership,
    network,
    nodes,
    removal,
    removed,
    requests,
    tokens,
    view,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.members import members
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from fake_kubernetes import FakeKubernetes
from test_kubernetes_requests import csr

SYSTEM = "/api/v1/namespaces/kube-system"
CONFIG = f"{SYSTEM}/configmaps/kubelet-config"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
ROOT = Path(__file__).parents[3]
DOWN = {"conditions": [{"type": "Ready", "status": "Unknown", "message": "kubelet stopped posting"}]}


class Kubeadm:
    """kubeadm as a script that notes its arguments and, once, fails with the words it was told."""

    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls"
        self.fault = folder / "fault"
        program = folder / "kubeadm"
        program.write_text(
            f'#!/bin/sh\necho "$*" >> {self.calls}\n[ "$1" = config ] && exit 0\n'
            f"if [ -s {self.fault} ]; then cat {self.fault} >&2; : > {self.fault}; exit 1; fi\n"
        )
        program.chmod(0o755)
        self.path = str(program)

    def words(self) -> list[str]:
        """The first argument of each call."""
        return [line.split()[0] for line in self.calls.read_text().splitlines()] if self.calls.exists() else []


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubernetes: FakeKubernetes) -> Kubeadm:
    """A host below a folder of its own, on which nothing serves but the fake API."""
    fake = Kubeadm(tmp_path)
    (tmp_path / "admin.conf").write_text(kubernetes.kubeconfig())
    monkeypatch.setattr(kubeadm, "PROGRAM", fake.path)
    monkeypatch.setattr(kubeadm, "SUPER_ADMIN", str(tmp_path / "super-admin.conf"))
    monkeypatch.setattr(membership, "NOTE", str(tmp_path / "{cluster}.json"))
    monkeypatch.setattr(membership, "PATCH", str(tmp_path / "patch.json"))
    monkeypatch.setattr(network, "serves", lambda address, **_options: "")
    monkeypatch.setattr(etcd, "members", list)
    monkeypatch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
    kubernetes.add(CONFIG, data={"kubelet": "maxPods: 110"})
    kubernetes.add(f"{SYSTEM}/configmaps/kubeadm-config", data={"ClusterConfiguration": "as it was"})
    return fake


def state(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setattr(membership, "by_files", lambda *_arguments, **_options: value)


# --- init and join ---------------------------------------------------------------------------------------------------


def test_what_init_leaves_open_is_closed(
    program: Kubeadm, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(monkeypatch, membership.ABSENT)
    kubernetes.add(f"{SYSTEM}/secrets/bootstrap-token-abcdef")
    Path(kubeadm.SUPER_ADMIN).write_text("above all rules")
    kubeadm.init("product", "10.0.0.11", ["SystemVerification"], 1)
    assert program.words() == ["config", "init"]
    assert "--ignore-preflight-errors=SystemVerification" in program.calls.read_text()
    assert not any("secrets" in path for path in kubernetes.objects) and not Path(kubeadm.SUPER_ADMIN).exists()
    note = membership.read_note("product")
    assert (note.step, note.done, note.control) == ("init", True, kubeadm.control_digest())


def test_init_that_was_cut_off_goes_on(program: Kubeadm, monkeypatch: pytest.MonkeyPatch) -> None:
    state(monkeypatch, membership.ABSENT)
    program.fault.write_text("error execution phase wait-control-plane\n")
    with pytest.raises(kubeadm.KubeadmError, match="'kubeadm init' failed: error execution phase wait-control-plane"):
        kubeadm.init("product", "10.0.0.11", [], 1)
    assert membership.read_note("product") == membership.Note("init", False)
    state(monkeypatch, membership.INCOMPLETE)
    kubeadm.init("product", "10.0.0.11", [], 1)
    assert "DirAvailable--var-lib-etcd" in program.calls.read_text().splitlines()[-1]
    assert membership.read_note("product").done


@pytest.mark.parametrize(
    ("own", "there", "told"),
    [("", "nobody", True), ("", "ours", False), ("10.0.0.11:6443 does not answer", "nobody", False)],
)
def test_a_load_balancer_that_leads_nobody_back_is_named(
    program: Kubeadm, monkeypatch: pytest.MonkeyPatch, own: str, there: str, told: bool
) -> None:
    state(monkeypatch, membership.ABSENT)
    program.fault.write_text("error execution phase upload-config/kubeadm: context deadline exceeded\n")
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(membership, "fixed", lambda: {"endpoint": "api.example.com:8443"})
    monkeypatch.setattr(network, "serves", lambda _address: own)
    monkeypatch.setattr(network, "whose", lambda host, port: asked.append((host, port)) or there)
    with pytest.raises(kubeadm.KubeadmError) as caught:
        kubeadm.init("product", "10.0.0.11", [], 1)
    assert (
        "does not answer it at the endpoint api.example.com:8443: let the load balancer lead" in str(caught.value)
    ) is told
    assert asked == ([] if own else [("api.example.com", 8443)])


def test_init_with_the_data_of_a_backup_stays_that(program: Kubeadm, monkeypatch: pytest.MonkeyPatch) -> None:
    state(monkeypatch, membership.INCOMPLETE)
    membership.write_note("product", membership.Note("restore", False))
    program.fault.write_text("error execution phase wait-control-plane\n")
    with pytest.raises(kubeadm.KubeadmError):
        kubeadm.init("product", "10.0.0.11", [], 1)
    assert "DirAvailable--var-lib-etcd" in program.calls.read_text().splitlines()[-1]
    assert membership.read_note("product") == membership.Note("restore", False)


def test_a_manager_that_a_backup_knows_as_removed_is_admitted(
    program: Kubeadm, kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kubeadm waits for its node, and nobody else could admit it."""
    state(monkeypatch, membership.INCOMPLETE)
    membership.write_note("product", membership.Note("restore", False))
    (tmp_path / "kubeadm.yaml").write_text(toml.documents([{"nodeRegistration": {"name": "m1"}}, {"kind": "Other"}]))
    monkeypatch.setattr(kubeadm, "CONFIG", str(tmp_path / "kubeadm.yaml"))
    removed.revoke(kubernetes.api(), ["m1", "w1"], 1_800_000_000)

    def run(arguments: Sequence[str]) -> None:
        end = time.monotonic() + 10
        while arguments[0] == "init" and "system:node:m1" in revoked(kubernetes):
            assert time.monotonic() < end
            time.sleep(0.05)

    monkeypatch.setattr(kubeadm, "run", run)
    kubeadm.init("product", "10.0.0.11", [], 1)
    assert revoked(kubernetes) == {"system:node:w1"} and membership.read_note("product").done


@pytest.mark.parametrize("part", ["manager", "node"])
def test_a_join_that_was_cut_off_starts_anew(program: Kubeadm, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """A manager's CA was placed before; that of a host node kubeadm has put there, and refuses to find."""
    ca = program.calls.parent / "ca.crt"
    ca.write_text("PEM")
    monkeypatch.setattr(kubeadm, "CA_FILE", str(ca))
    monkeypatch.setattr(authorities, "align", lambda **_options: [])
    monkeypatch.setattr(kubeadm, "await_ready", lambda *_arguments: "")
    state(monkeypatch, membership.ABSENT)
    program.fault.write_text("[ERROR CRI]: container runtime is not running\n")
    with pytest.raises(kubeadm.KubeadmError, match="container runtime is not running"):
        kubeadm.join("product", part, "10.0.0.21", {"kind": "JoinConfiguration"}, {}, [], 1)
    assert membership.read_note("product") == membership.Note("join", False) and ca.exists()
    state(monkeypatch, membership.INCOMPLETE)
    kubeadm.join("product", part, "10.0.0.21", {"kind": "JoinConfiguration"}, {}, [], 1)
    assert program.words() == ["config", "join", "reset", "config", "join"] and ca.exists() is (part == "manager")
    assert "--cert-dir=/etc/kubernetes" not in program.calls.read_text()  # the CAs that were placed stay
    assert membership.read_note("product").done


def test_a_manager_that_never_gets_ready_is_no_member(program: Kubeadm, monkeypatch: pytest.MonkeyPatch) -> None:
    state(monkeypatch, membership.ABSENT)
    monkeypatch.setattr(network, "serves", lambda address, **_options: f"{address}:6443 is not ready")
    with pytest.raises(kubeadm.KubeadmError, match="10.0.0.12:6443 is not ready"):
        kubeadm.join("product", "manager", "10.0.0.12", {}, {}, [], 0)
    assert not membership.read_note("product").done


@pytest.mark.parametrize(("labels", "whole"), [({kubeadm.ROLE_LABEL: ""}, True), ({}, False)])
def test_a_manager_cut_off_at_the_very_end_is_whole(
    program: Kubeadm,
    kubernetes: FakeKubernetes,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., dict[str, Any]],
    labels: dict[str, str],
    whole: bool,
) -> None:
    state(monkeypatch, membership.JOINED)
    assert not kubeadm.joined("product", "m2", "10.0.0.12")
    kubernetes.add("/api/v1/nodes/m2", metadata={"labels": labels})
    assert kubeadm.joined("product", "m2", "10.0.0.12") == whole
    removed: list[str] = []
    known = [etcd.Member("ee", "m1", "10.0.0.11", True, False), etcd.Member("ff", "m2", "10.0.0.12", True, False)]
    monkeypatch.setattr(etcd, "members", lambda: known)
    monkeypatch.setattr(etcd, "healthy", lambda: {"10.0.0.11"})
    monkeypatch.setattr(etcd, "remove", lambda entry: removed.append(entry.number))
    monkeypatch.setattr(etcd, "await_health", lambda _timeout: "")
    given = {"cluster": "product", "name": "m2", "address": "10.0.0.12", "acting_manager": "10.0.0.11", "timeout": 0}
    answers = iter(["busy"])  # at first, which is no sign of death
    monkeypatch.setattr(network, "serves", lambda _address: next(answers, ""))
    assert run("kubernetes_manager_slot", **given)["changed"] != whole
    assert removed == ([] if whole else ["ff"])
    monkeypatch.setattr(etcd, "healthy", set)
    assert whole or "of the 1 managers left 0 would be healthy" in run("kubernetes_manager_slot", **given)["msg"]
    assert removed == ([] if whole else ["ff"])


# --- what runs is what the files say ---------------------------------------------------------------------------------


def test_kubelet_is_configured_anew_when_its_part_or_the_cluster_s_changes(
    program: Kubeadm, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, run: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.setattr(service_units, "restart", lambda *_arguments: None)
    kubeadm.note_joined("product")

    def changed(**options: Any) -> bool:
        answer = run("kubernetes_kubelet", cluster="product", **options)
        assert not answer.get("failed"), answer
        return bool(answer["changed"])

    assert not changed()
    Path(membership.PATCH).write_text('{"maxPods": 50}')
    assert run("kubernetes_kubelet", cluster="product", defer=True)["pending"] and not program.words()
    assert changed() and program.words() == ["upgrade"] and not changed()
    kubernetes.objects[CONFIG]["data"]["kubelet"] = "maxPods: 60"
    assert changed(_ansible_check_mode=True) and changed() and not changed()
    assert changed(_ansible_check_mode=True, foreseen=[membership.PATCH])
    membership.write_note("product", membership.Note("join", False))
    assert not changed(_ansible_check_mode=True, foreseen=[membership.PATCH])


@pytest.mark.parametrize("fails", ["restart", "kubeadm"])
def test_a_kubelet_that_does_not_run_with_its_new_configuration_gets_the_old_one_back(
    program: Kubeadm,
    kubernetes: FakeKubernetes,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., dict[str, Any]],
    tmp_path: Path,
    fails: str,
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("old")
    restarted: list[str] = []

    def restart(_unit: service_units.Unit) -> str | None:
        restarted.append(config.read_text())
        return "kubelet.service does not run (unrecognized feature gate: NoSuch)" if restarted[-1] == "new" else None

    def renew(arguments: list[str], timeout: float = 0) -> str:
        config.write_text("new")
        if fails == "kubeadm":
            raise kubeadm.KubeadmError("'kubeadm upgrade' failed")
        return ""

    kubeadm.note_joined("product")
    monkeypatch.setattr(kubeadm, "KUBELET_FILES", (str(config),))
    monkeypatch.setattr(previous, "KEPT", str(tmp_path / "previous.json"))
    monkeypatch.setattr(service_units, "restart", restart)
    monkeypatch.setattr(service_units, "carry_out", lambda *_arguments: None)
    monkeypatch.setattr(kubeadm, "run", renew)
    Path(membership.PATCH).write_text('{"featureGates": {"NoSuch": true}}')
    answer = run("kubernetes_kubelet", cluster="product")
    assert answer["failed"] and "The old one is back and runs" in answer["msg"], answer
    assert ("NoSuch" if fails == "restart" else "kubeadm upgrade") in answer["msg"]
    assert config.read_text() == "old" and restarted[-1] == "old"
    assert run("kubernetes_kubelet", cluster="product", defer=True)["pending"], "the next run is to try again"


@pytest.mark.parametrize(
    ("available", "ready", "faults"),
    [
        ("True", ["n1"], []),
        ("False", ["n1"], ["of kube-system/coredns 0 pods are available"]),
        ("True", ["n9"], ["the pod of kube-system/calico-node is not ready on n1"]),
    ],
)
def test_nodes_are_not_all_of_a_cluster(
    kubernetes: FakeKubernetes, available: str, ready: list[str], faults: list[str]
) -> None:
    labels = {"k8s-app": "calico-node"}
    apps, pods = "/apis/apps/v1/namespaces/kube-system", "/api/v1/namespaces/kube-system/pods"
    condition = {"type": "Available", "status": available}
    for name in ("coredns", "somebody-else-s"):
        status = {"conditions": [condition if name == "coredns" else {}], "updatedReplicas": 2, "availableReplicas": 0}
        kubernetes.add(f"{apps}/deployments/{name}", status=status if name == "coredns" else {})
    kubernetes.add(f"{apps}/daemonsets/calico-node", spec={"selector": {"matchLabels": labels}})
    for node in ("n1", "n9"):
        condition = {"type": "Ready", "status": str(node in ready)}
        spec, status = {"nodeName": node}, {"conditions": [condition]}
        kubernetes.add(f"{pods}/calico-{node}", metadata={"labels": labels}, spec=spec, status=status)
    system = ["coredns", "calico-node", "kube-proxy"]
    assert nodes.system_faults(kubernetes.api(), system, [nodes.Desired("n1", "10.0.2.1")]) == faults


def test_an_installation_is_not_over_while_the_system_s_pods_are_not_ready(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "serves", lambda _address: "")
    kubernetes.add("/api/v1/nodes/n1", status=READY)
    path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
    kubernetes.add(path, status={"conditions": [{"type": "Available", "status": "False"}]})
    want = [nodes.Desired("n1", "10.0.0.21")]
    assert nodes.ensure(kubernetes.api(), want, {}, 0)[1] == [], "the node itself is ready"
    faults = nodes.ensure(kubernetes.api(), want, {}, 0, ["coredns"])[1]
    assert faults == ["of kube-system/coredns 0 pods are available"]
    kubernetes.add(path, status={"conditions": [{"type": "Available", "status": "True"}], "updatedReplicas": 2})
    assert nodes.ensure(kubernetes.api(), want, {}, 0, ["coredns"])[1] == []


def test_managers_and_host_nodes_are_awaited_with_dns_services_and_the_pod_network() -> None:
    network = yaml.safe_load((ROOT / "roles/cluster_manager/vars/main/kubernetes_calico.yml").read_text())
    kinds = ("DaemonSet", "Deployment")
    own = {made["metadata"]["name"] for made in network["__cluster_manager_calico"] if made["kind"] in kinds}

    def awaited(path: str) -> set[str]:
        tasks = yaml.safe_load((ROOT / path).read_text())
        given = [
            task["keelson.cluster.kubernetes_nodes"] for task in tasks if "keelson.cluster.kubernetes_nodes" in task
        ]
        return {name for options in given for name in options["system"]}

    assert awaited("roles/cluster_manager/tasks/kubernetes/main.yml") == {"coredns", "kube-proxy", *own}
    assert awaited("roles/host_node/tasks/kubernetes/join.yml") == {"coredns", "kube-proxy", "calico-node"}


def test_kubelet_s_configuration_that_cannot_be_asked_for(
    program: Kubeadm, kubernetes: FakeKubernetes, run: Callable[..., dict[str, Any]]
) -> None:
    kubeadm.note_joined("product")
    del kubernetes.objects[CONFIG]
    assert "does not tell this host how kubelet is configured" in run("kubernetes_kubelet", cluster="product")["msg"]
    assert program.words() == []


@pytest.fixture
def services(
    program: Kubeadm, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[str]:
    """A whole manager; the services that are stopped are listed."""
    monkeypatch.setattr(kubeadm, "CONTROL", (str(tmp_path / "kubeadm.yaml"),))
    kubeadm.note_joined("product")
    state(monkeypatch, membership.JOINED)
    monkeypatch.setattr(etcd, "await_health", lambda _timeout: "")
    stopped: list[str] = []
    monkeypatch.setattr(control, "stop", stopped.append)
    monkeypatch.setattr(control, "expiring", lambda _days: [])
    kubernetes.add(f"{SYSTEM}/configmaps/kube-proxy", data={"config.conf": "mode: nftables"})
    kubernetes.add("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy", spec={"template": {}})
    return stopped


MANAGER = {"cluster": "product", "address": "10.0.0.11", "addresses": ["10.0.0.11", "10.0.0.12"], "timeout": 0}


def test_services_are_exchanged_when_their_files_change(
    program: Kubeadm, services: list[str], tmp_path: Path, run: Callable[..., dict[str, Any]]
) -> None:
    assert run("kubernetes_control", **MANAGER)["changed"] is False and program.words() == []
    (tmp_path / "kubeadm.yaml").write_text("kind: ClusterConfiguration")
    assert run("kubernetes_control", **MANAGER, _ansible_check_mode=True)["changed"] and program.words() == []
    assert run("kubernetes_control", **MANAGER)["changed"]
    assert program.words() == ["config", "init", "upgrade", "init"] and services == []
    assert run("kubernetes_control", **MANAGER)["changed"] is False


def test_nobody_is_touched_while_another_manager_is_sick(
    program: Kubeadm,
    services: list[str],
    tmp_path: Path,
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "kubeadm.yaml").write_text("kind: ClusterConfiguration")
    monkeypatch.setattr(network, "serves", lambda address, **_options: "m2 is down" if address == "10.0.0.12" else "")
    assert (
        "left as they are, for the cluster might lose its quorum: m2 is down"
        in run("kubernetes_control", **MANAGER)["msg"]
    )
    assert program.words() == []


def test_a_configuration_that_fails_is_taken_back_and_tried_again(
    program: Kubeadm,
    services: list[str],
    kubernetes: FakeKubernetes,
    tmp_path: Path,
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "kubeadm.yaml").write_text("kind: ClusterConfiguration")
    said = f"{SYSTEM}/configmaps/kubeadm-config"
    real = control.run

    def failing(arguments: list[str]) -> str:
        if arguments[0] == "init":
            kubernetes.objects[said]["data"] = {"ClusterConfiguration": "new"}
        if arguments[0] == "upgrade":
            raise kubeadm.KubeadmError("'kubeadm upgrade' failed: unknown flag: --no-such-flag")
        return real(arguments)

    with monkeypatch.context() as broken:
        broken.setattr(control, "run", failing)
        answer = run("kubernetes_control", **MANAGER)
    assert "unknown flag: --no-such-flag. The other managers were left alone" in answer["msg"]
    assert kubernetes.objects[said]["data"] == {"ClusterConfiguration": "as it was"}
    assert run("kubernetes_control", **MANAGER)["changed"]


def test_certificates_that_end_soon_are_renewed(
    program: Kubeadm, services: list[str], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "expiring", lambda days: ["apiserver"] if days == 60 else [])
    assert run("kubernetes_control", **MANAGER, _ansible_check_mode=True)["renewed"] == ["apiserver"] and not services
    answer = run("kubernetes_control", **MANAGER)
    assert answer["changed"] and answer["renewed"] == ["apiserver"]
    assert program.words() == ["certs"] and services == list(control.SERVICES)


def test_rotate_renews_every_certificate_one_manager_at_a_time() -> None:
    """With more days than any certificate has; the gate is the module's own."""
    root = Path(__file__).parents[3]
    task = yaml.safe_load((root / "roles/cluster_manager/tasks/kubernetes/rotate.yml").read_text())[-1]
    variables = yaml.safe_load((root / "roles/cluster_manager/vars/main/main.yml").read_text())
    given = task["keelson.cluster.kubernetes_control"]
    assert given["renew_before_days"] == "{{ __cluster_manager_renew_days }}"
    assert given["addresses"] == "{{ __cluster_manager_addresses }}", "all must be well, not those of this batch alone"
    expression = variables["__cluster_manager_renew_days"]
    days = jinja2.Template(expression).render(cluster_rotate_phase="renew", cluster_manager_certificate_renew_days=60)
    assert int(days) == 36500 and jinja2.Template(expression).render(cluster_manager_certificate_renew_days=60) == "60"
    plays = yaml.safe_load((root / "playbooks/rotation/phase.yml").read_text())
    assert [play.get("serial") for play in plays] == [None, 1, [1, "100%"], None]


def test_services_that_a_renewal_that_was_cut_off_has_left_with_old_certificates_are_restarted(
    services: list[str], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files have all their days; what runs was started before they were written."""
    monkeypatch.setattr(kubeadm, "outdated", lambda: ["kube-scheduler"])
    manager = {"cluster": "product", "address": "10.0.0.11", "addresses": ["10.0.0.11"]}
    answer = run("kubernetes_control", **manager)
    assert answer["changed"] and answer["restarted"] == ["kube-scheduler"] == services
    monkeypatch.setattr(kubeadm, "outdated", list)
    assert not run("kubernetes_control", **manager)["changed"] and services == ["kube-scheduler"]


@pytest.mark.parametrize(("seconds", "older"), [(20, True), (-60, False), (100000, False)])
def test_a_process_is_older_than_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, older: bool
) -> None:
    """Files written after its start, but not those of a clock that was wrong."""
    program, file = tmp_path / "some-service", tmp_path / "x.crt"
    program.symlink_to("/bin/sleep")
    file.write_text("")
    with subprocess.Popen([str(program), "30"]) as process:
        while not (begun := processes.starts("some-service")):  # its command line is not there at once
            time.sleep(0.05)
        process.kill()
    assert len(begun) == 1 and abs(begun[0] - time.time()) < 5
    monkeypatch.setattr(processes, "starts", lambda *_arguments: [time.time() - 30])
    os.utime(file, (0, time.time() - 30 + seconds))
    assert processes.runs_on_older_files("some-service", [f"{tmp_path}/*.crt"]) is older


@pytest.mark.parametrize("content", [None, "", "{", '{"step": 1'], ids=["missing", "empty", "cut", "damaged"])
@pytest.mark.parametrize("ready", ["True", "False", ""])
def test_the_cluster_decides_where_our_note_is_damaged(
    program: Kubeadm, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, content: str | None, ready: str
) -> None:
    """A healthy node is a member and is not reset; one of which the cluster does not say so is not reset undrained."""
    monkeypatch.setattr(
        membership, "_below", lambda _root, path: path if "product" in path else str(program.calls.parent)
    )
    if content is not None:
        Path(membership.NOTE.format(cluster="product")).write_text(content)
    review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    kubernetes.react = lambda method, path, body: (
        (201, {"status": {"userInfo": {"username": "system:node:web-1"}}}) if path == review else None
    )
    if ready:
        kubernetes.add("/api/v1/nodes/web-1", status={"conditions": [{"type": "Ready", "status": ready}]})
    assert kubeadm.state("product", "node") == (membership.JOINED if ready == "True" else membership.INCOMPLETE)
    with pytest.raises(kubeadm.KubeadmError, match=r"missing or damaged.*kubeadm reset"):
        kubeadm.join("product", "node", "10.0.2.11", {}, {}, [], 1)
    assert program.words() == []
    assert membership.renewed("product", kubelet="d") == membership.Note("join", True, "d", "")


def test_kube_proxy_is_started_anew_only_when_its_configuration_changed(
    program: Kubeadm, services: list[str], kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemons = kubernetes.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"]
    control.configure_addons(kubernetes.api())
    assert daemons["spec"] == {"template": {}}

    def changing(_arguments: list[str]) -> str:
        kubernetes.objects[f"{SYSTEM}/configmaps/kube-proxy"]["data"] = {"config.conf": "mode: iptables"}
        return ""

    monkeypatch.setattr(control, "run", changing)
    control.configure_addons(kubernetes.api())
    daemons = kubernetes.objects["/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy"]
    assert "keelson.cluster/configuration" in daemons["spec"]["template"]["metadata"]["annotations"]


def test_what_ends_soon_is_read_from_kubeadm(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)

    def entry(name: str, days: int, missing: bool = False) -> dict[str, Any]:
        end = (now + datetime.timedelta(days=days, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"name": name, "expirationDate": end, "missing": missing}

    listed = {"certificates": [entry("apiserver", 59), entry("etcd-peer", 300), entry("super-admin.conf", 0, True)]}
    monkeypatch.setattr(control, "run", lambda _arguments: json.dumps(listed))
    assert control.expiring(60) == ["apiserver"] and control.expiring(30) == []


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lease", ["run2", ""], ids=["with the lease", "without it"])
def test_a_run_deletes_its_own_token_and_with_the_lease_what_was_left(kubernetes: FakeKubernetes, lease: str) -> None:
    """Without the lease, a token of another run may be in use."""
    for name, mark in (("theirs", "somebody's"), ("ours00", f"{tokens.MARK}, run1")):
        data = {"description": base64.b64encode(mark.encode()).decode()}
        kubernetes.add(f"{SYSTEM}/secrets/bootstrap-token-{name}", data=data)
    token = tokens.make_for_run(kubernetes.api(), 15, lease)
    name = token.split(".")[0]
    kept = {"theirs"} if lease else {"theirs", "ours00"}
    assert set(kubernetes.objects) == {f"{SYSTEM}/secrets/bootstrap-token-{left}" for left in {*kept, name}}
    assert tokens.forget(kubernetes.api(), lambda found, _mark: found == name) == 1
    assert set(kubernetes.objects) == {f"{SYSTEM}/secrets/bootstrap-token-{left}" for left in kept}


def test_a_token_that_cannot_be_deleted_is_a_warning(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: told.append(text))
    answer = run("kubernetes_token", cluster="product", state="absent", name="abcdef")
    assert not answer.get("failed") and "ends within 15 minutes" in told[0]
    assert "There is no token to join product with" in run("kubernetes_token", cluster="product")["msg"]


def test_hosts_that_join_with_a_token_are_admitted_again(
    kubernetes: FakeKubernetes, run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("ansible_collections.keelson.cluster.plugins.modules.kubernetes_token")
    for name, text in (("ACCESS_FILE", kubernetes.kubeconfig()), ("CA_FILE", "the CA")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(module, name, str(tmp_path / name))
    monkeypatch.setattr(api.Api, "from_env", lambda _cluster: kubernetes.api())
    removed.revoke(kubernetes.api(), ["n1", "n2"], 1_800_000_000)
    assert run("kubernetes_token", cluster="product", hosts=["n1"])["changed"]
    assert revoked(kubernetes) == {"system:node:n2"}


@pytest.mark.parametrize(
    ("tasks", "variables"),
    [
        ("host_node/tasks/kubernetes/join_new.yml", {"__host_node_live": {"manager": "m1"}, "host_node_no_log": False}),
        (
            "cluster_manager/tasks/kubernetes/join.yml",
            {"__cluster_manager_plan": {"acting_manager": "m1", "join": []}, "cluster_manager_no_log": False},
        ),
    ],
)
def test_a_join_without_a_token_fails_with_one_message(tmp_path: Path, tasks: str, variables: dict[str, Any]) -> None:
    steps = [task for task in yaml.safe_load((ROOT / "roles" / tasks).read_text()) if "block" in task]
    given = {
        **variables,
        "cluster_name": "none",
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    play = {"hosts": "all", "gather_facts": False, "vars": given, "tasks": steps}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "m1,m2,", str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "There is no token to join none with" in done.stdout
    assert done.stdout.count("fatal:") == 1, done.stdout


# --- nodes -----------------------------------------------------------------------------------------------------------


def test_a_node_is_approved_labelled_and_awaited(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "serves", lambda _address: "")
    kubernetes.add("/api/v1/nodes/n1", status=READY)
    kubernetes.objects[f"{requests.CSRS}/csr-1"] = csr()
    kubernetes.add(f"{requests.CSRS}/csr-1/approval")
    want = nodes.Desired("n1", "10.0.0.21", {"tier": "web"}, [{"key": "gpu", "effect": "NoSchedule"}])
    foreseen = nodes.foresee(kubernetes.api(), [want], {"n1": "10.0.0.21"})
    assert foreseen == ["addresses of the inventory", "serving certificate of n1", "taints of n1", "labels of n1"]
    changes, faults = nodes.ensure(kubernetes.api(), [want], {"n1": "10.0.0.21"}, 0)
    assert (changes, faults) == (foreseen, [])
    node = kubernetes.objects["/api/v1/nodes/n1"]
    assert (
        node["metadata"]["labels"] == {"tier": "web", **nodes.marks(want.taints)}
        and node["spec"]["taints"] == want.taints
    )
    assert ("PUT", f"{requests.CSRS}/csr-1/approval") in kubernetes.requests
    kubernetes.objects[f"{requests.CSRS}/csr-1"]["status"] = {"conditions": [{"type": "Approved"}]}
    assert nodes.ensure(kubernetes.api(), [want], {"n1": "10.0.0.21"}, 0) == ([], [])


def test_what_keeps_a_node_from_work_is_said(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "serves", lambda address: f"kubelet at {address} shows no certificate")
    kubernetes.add("/api/v1/nodes/n1", status=READY)
    kubernetes.add("/api/v1/nodes/n2", status=DOWN)
    kubernetes.objects[f"{requests.CSRS}/csr-1"] = csr(username="system:node:n9")
    desired = [nodes.Desired(f"n{number}", f"10.0.0.2{number}") for number in (1, 2, 3)]
    changes, faults = nodes.ensure(kubernetes.api(), desired, {"n1": "10.0.0.21"}, 0)
    assert changes == ["addresses of the inventory"]
    assert faults == [
        "kubelet at 10.0.0.21 shows no certificate",
        "node n2 is not ready (kubelet stopped posting)",
        "node n3 has not registered",
        "request csr-1 was not approved: system:node:n9 is no node of the inventory",
    ]


def test_a_timer_approves_what_the_last_installation_knew(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api.Api, "from_env", classmethod(lambda _cls, _cluster, **_options: kubernetes.api()))
    kubernetes.add(CONFIG, data={"kubelet": "maxPods: 110"})
    kubernetes.add(f"{SYSTEM}/configmaps/kubeadm-config", data={"ClusterConfiguration": "as it was"})
    kubernetes.objects[f"{requests.CSRS}/csr-1"] = csr()
    kubernetes.objects[f"{requests.CSRS}/csr-2"] = {**csr(username="system:node:n9"), "metadata": {"name": "csr-2"}}
    kubernetes.add(f"{requests.CSRS}/csr-1/approval")
    assert requests.keep_members(kubernetes.api(), {"n1": "10.0.0.21"}, False)
    assert not requests.keep_members(kubernetes.api(), {"n1": "10.0.0.21"}, False)
    approve.main("product")
    said = capsys.readouterr().out
    assert "approved the serving certificate of n1" in said
    assert "did not approve csr-2: system:node:n9 is no node of the inventory" in said


# --- removal ---------------------------------------------------------------------------------------------------------


def pod(name: str, owner: str, phase: str = "Running") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "ownerReferences": [{"kind": owner}]},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("owner", "phase", "moves"),
    [
        ("ReplicaSet", "Running", True),
        ("DaemonSet", "Running", False),
        ("Node", "Running", False),
        ("Job", "Succeeded", False),
    ],
)
def test_which_pods_are_work(owner: str, phase: str, moves: bool) -> None:
    assert view.evictable(pod("x", owner, phase), leaving=True) == moves


N1 = Member("n1", "10.0.2.1", "node", "uid-1")
M1 = Member("m1", "10.0.0.11", "manager", "uid-m1")


def how(*reached: str, deadline: float = 0, timeout: float = 0, check: bool = False) -> Conditions:
    """Two of three managers looked for everybody, and reached these."""
    seen = {address: address in reached for address in (N1.address, M1.address)}
    return Conditions(deadline, timeout, check, Evidence({"m2": seen, "m3": seen}, 3))


def add_node(kubernetes: FakeKubernetes, member: Member, status: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The Node of a member, at another address or with another UID where C(changes) says so."""
    known = {"address": member.address, "uid": member.number, **changes}
    addresses = [{"type": "InternalIP", "address": known["address"]}]
    path, metadata = f"/api/v1/nodes/{member.name}", {"uid": known["uid"]}
    return kubernetes.add(path, metadata=metadata, status={**status, "addresses": addresses})


def there(kubernetes: FakeKubernetes) -> list[str]:
    """The nodes that the API has."""
    return [path.rpartition("/")[2] for path in kubernetes.objects if path.startswith(f"{view.NODES}/")]


def revoked(kubernetes: FakeKubernetes) -> set[str]:
    """The users whose certificates are good for no Node any more."""
    return set(removed.read(kubernetes.objects.get(removed.POLICY)))


def test_a_dead_host_node_is_forgotten(kubernetes: FakeKubernetes) -> None:
    assert not removal.node(kubernetes.api(), N1, how())
    add_node(kubernetes, N1, DOWN)
    assert removal.node(kubernetes.api(), N1, how(check=True)) and kubernetes.objects
    assert removal.node(kubernetes.api(), N1, how()) and not there(kubernetes)
    assert revoked(kubernetes) == {"system:node:n1"}


def test_one_that_is_not_ready_and_answers_is_drained_not_deleted(kubernetes: FakeKubernetes) -> None:
    add_node(kubernetes, N1, DOWN)
    assert removal.node(kubernetes.api(), N1, how(N1.address))
    assert kubernetes.objects["/api/v1/nodes/n1"]["spec"]["unschedulable"]


@pytest.mark.parametrize("drained", [False, True])
def test_one_that_died_just_now_waits_for_the_api_to_know(kubernetes: FakeKubernetes, drained: bool) -> None:
    """Drained it is where its host was emptied a moment before."""
    add_node(kubernetes, N1, READY)["spec"] = {"unschedulable": drained}
    with pytest.raises(Refused, match="does not answer, but the API still calls it ready"):
        removal.node(kubernetes.api(), N1, how())
    assert kubernetes.objects


@pytest.mark.parametrize(
    "changes", [{"address": "10.0.2.9"}, {"uid": "uid-2"}, {"address": "10.0.2.9", "uid": "uid-2"}]
)
@pytest.mark.parametrize("status", [READY, DOWN])
def test_the_new_node_of_a_replaced_server_is_left_alone(
    kubernetes: FakeKubernetes, changes: dict[str, str], status: dict[str, Any]
) -> None:
    add_node(kubernetes, N1, status, **changes)
    with pytest.raises(Changed, match=r"n1 .10.0.2.1. is n1 .*by now, so it was left alone"):
        removal.node(kubernetes.api(), N1, how())
    assert all(method == "GET" for method, _path in kubernetes.requests)


@pytest.mark.parametrize("status", [READY, DOWN])
def test_a_node_that_is_replaced_between_look_and_act_is_left_alone(
    kubernetes: FakeKubernetes, status: dict[str, Any]
) -> None:
    add_node(kubernetes, N1, status)

    def react(method: str, target: str, _body: Any) -> None:
        if method in ("DELETE", "PATCH") and "/nodes/" in target:  # kubelet of the new server was quicker
            add_node(kubernetes, N1, READY, uid="uid-2", address="10.0.2.9")

    kubernetes.react = react
    with pytest.raises(Changed, match=r"n1 .10.0.2.1. is another one by now, so it was left alone"):
        removal.node(kubernetes.api(), N1, how(*([N1.address] if status is READY else [])))
    assert not revoked(kubernetes)
    assert kubernetes.objects["/api/v1/nodes/n1"].get("spec") is None


def test_nodes_without_an_address_are_no_heirs_of_each_other(kubernetes: FakeKubernetes) -> None:
    lone = Member("n1", "", "node", "uid-1")
    add_node(kubernetes, lone, READY)
    add_node(kubernetes, Member("n2", "", "node", "uid-2"), READY)
    removal.node(kubernetes.api(), lone, how())
    assert "/api/v1/nodes/n1" in kubernetes.objects


def test_a_dead_node_whose_address_another_has_by_now_is_forgotten(kubernetes: FakeKubernetes) -> None:
    add_node(kubernetes, N1, DOWN)
    add_node(kubernetes, Member("n9", N1.address, "node", "uid-9"), READY)
    assert removal.node(kubernetes.api(), N1, how(N1.address))
    assert there(kubernetes) == ["n9"]


def test_members_have_ids_and_canonical_addresses(kubernetes: FakeKubernetes) -> None:
    add_node(kubernetes, N1, READY, address="FD00:0:0::1")
    (found,) = members(kubernetes.api())
    assert (found["name"], found["address"], found["id"]) == ("n1", "fd00::1", "uid-1")


def test_a_live_host_node_is_drained_within_disruption_budgets(kubernetes: FakeKubernetes) -> None:
    path, tries = "/api/v1/namespaces/shop/pods/web-1", []

    def react(method: str, target: str, _body: Any) -> tuple[int, Any] | None:
        if target.endswith("/eviction"):
            tries.append(target)
            if len(tries) == 1:
                return 429, {"message": "it would violate the budget"}
            del kubernetes.objects[path]
            return 201, {}
        return None

    kubernetes.react = react
    add_node(kubernetes, N1, READY)
    kubernetes.objects[path] = pod("web-1", "ReplicaSet")
    assert removal.node(kubernetes.api(), N1, how(N1.address, deadline=30, timeout=5))
    assert len(tries) == 2 and kubernetes.objects["/api/v1/nodes/n1"]["spec"]["unschedulable"]
    assert not removal.node(kubernetes.api(), N1, how(N1.address, deadline=30, timeout=5))


def test_a_host_node_that_keeps_its_work_is_named(kubernetes: FakeKubernetes) -> None:
    kubernetes.react = lambda method, target, _body: (200, {}) if method == "DELETE" and "/pods/" in target else None
    add_node(kubernetes, N1, READY)
    kubernetes.objects["/api/v1/namespaces/shop/pods/web-1"] = pod("web-1", "ReplicaSet")
    with pytest.raises(Refused, match=r"n1 \(10.0.2.1\) is not drained yet: on n1 there still are shop/web-1"):
        removal.node(kubernetes.api(), N1, how(N1.address, deadline=-1))


@pytest.fixture
def quorum(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], set[str]]]:
    """Three etcd members; what is removed of them, and the addresses of those that are well."""
    gone: list[str] = []
    well = {"10.0.0.12", "10.0.0.13"}
    known = [etcd.Member(f"f{n}", f"m{n}", f"10.0.0.1{n}", True, False) for n in (1, 2, 3)]
    monkeypatch.setattr(etcd, "members", lambda: known)
    monkeypatch.setattr(etcd, "healthy", lambda: well)
    monkeypatch.setattr(etcd, "remove", lambda entry: gone.append(entry.number))
    yield gone, well


def test_a_dead_manager_goes_with_its_etcd_member(
    kubernetes: FakeKubernetes, quorum: tuple[list[str], set[str]]
) -> None:
    gone, _well = quorum
    add_node(kubernetes, M1, DOWN)
    with pytest.raises(Refused, match=r"m1 .10.0.0.11. was not removed, for it may live: it answers m2, m3"):
        removal.manager(kubernetes.api(), M1, how(M1.address))
    with pytest.raises(Refused, match="0 of 3 managers could look for it"):
        removal.manager(kubernetes.api(), M1, Conditions(evidence=Evidence({}, 3)))
    assert removal.manager(kubernetes.api(), M1, how(check=True)) and not gone
    assert removal.manager(kubernetes.api(), M1, how())
    assert gone == ["f1"] and not there(kubernetes) and revoked(kubernetes) == {"system:node:m1"}


def test_no_manager_goes_where_etcd_would_lose_its_quorum(
    kubernetes: FakeKubernetes, quorum: tuple[list[str], set[str]]
) -> None:
    gone, well = quorum
    well.discard("10.0.0.13")
    add_node(kubernetes, M1, DOWN)
    with pytest.raises(
        Refused, match="of the 2 managers left 1 would be healthy, and the quorum is 2 .not healthy: m3"
    ):
        removal.manager(kubernetes.api(), M1, how())
    assert not gone and kubernetes.objects


def test_the_node_of_a_replaced_manager_stays(kubernetes: FakeKubernetes, quorum: tuple[list[str], set[str]]) -> None:
    gone, _well = quorum
    add_node(kubernetes, M1, READY, address="10.0.0.44", uid="uid-new")
    assert removal.manager(kubernetes.api(), M1, how()) and gone == ["f1"]
    assert "/api/v1/nodes/m1" in kubernetes.objects
    with pytest.raises(Changed):
        removal.manager(kubernetes.api(), Member("m1", "10.0.0.55", "manager", "uid-m1"), how())


# --- etcd ------------------------------------------------------------------------------------------------------------


M1_MEMBER = {"ID": 1, "name": "m1", "peerURLs": ["https://10.0.0.11:2380"]}
M2_MEMBER = {"ID": 2, "name": "m2", "peerURLs": ["https://10.0.0.12:2380"]}


@pytest.mark.parametrize(
    ("members", "well", "fault"),
    [
        ([M1_MEMBER], [True], ""),
        ([{**M2_MEMBER, "name": ""}], [True], "etcd member 10.0.0.12 has not come up"),
        ([M1_MEMBER, M2_MEMBER], [True, False], "etcd member m2 does not answer or is not well"),
        ([M1_MEMBER], [], "'etcdctl endpoint health --cluster': unhealthy cluster"),
    ],
)
def test_etcd_s_health(
    members: list[dict[str, Any]], well: list[bool], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = [{"endpoint": f"https://10.0.0.1{n}:2379", "health": good} for n, good in enumerate(well, 1)]
    told = f"echo '{json.dumps(health)}'" if health else ":"
    script = tmp_path / "etcdctl"
    script.write_text(
        f"#!/bin/sh\ncase \"$*\" in *'member list'*) echo '{json.dumps({'members': members})}' ;; "
        f"*) {told}; [ {all(well) and bool(well):d} = 1 ] || {{ echo 'unhealthy cluster' >&2; exit 1; }} ;; esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(etcd, "COMMAND", (str(script),))
    assert etcd.await_health(0) == fault


# --- what a host sees of the API ---------------------------------------------------------------------------------------


def test_whose_certificate_is_at_the_endpoint(
    kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "CA_FILE", str(kubernetes.folder / "ca.pem"))
    assert network.whose("127.0.0.1", kubernetes.port) == "ours"
    (tmp_path / "other.pem").write_text(pki.make_ca("another").certificate)
    monkeypatch.setattr(network, "CA_FILE", str(tmp_path / "other.pem"))
    assert network.whose("127.0.0.1", kubernetes.port) == "others"
    monkeypatch.setattr(network, "CA_FILE", str(tmp_path / "none.pem"))
    assert network.whose("127.0.0.1", kubernetes.port) == "others"
    assert network.whose("127.0.0.9", kubernetes.port) == "nobody"


def test_an_endpoint_too_busy_to_answer_is_no_unauthorized() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert network.whose("127.0.0.1", silent.getsockname()[1], 0.2) == "nobody"


def test_a_certificate_that_has_ended_is_still_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = pki.make_ca("kubernetes")
    ended = pki.issue(ca, pki.sort_names("m1", ["127.0.0.1"]), 0)
    for name, text in (("ca.pem", ca.certificate), ("served.pem", ended.certificate + ended.key)):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(network, "CA_FILE", str(tmp_path / "ca.pem"))
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(tmp_path / "served.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                settings.wrap_socket(listening.accept()[0], server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        assert network.whose("127.0.0.1", listening.getsockname()[1]) == "ours"
        thread.join()


def test_whether_an_api_server_is_ready(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "CA_FILE", str(kubernetes.folder / "ca.pem"))
    # Without a client's certificate the fake answers 401, as a server does that is not open to unauthorized clients.
    assert network.serves("127.0.0.1", kubernetes.port).endswith("is not ready (HTTP/1.0 401 Unauthorized)")
    assert "127.0.0.9:1 does not answer" in network.serves("127.0.0.9", 1)


def test_a_name_that_stands_for_nothing() -> None:
    assert network.resolve("nowhere.invalid") == []
    assert "127.0.0.1" in network.resolve("127.0.0.1")


def test_the_interface_of_an_address_and_its_other_family(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        {"name": "lo", "addresses": ["127.0.0.1/8", "::1/128"]},
        {"name": "eth0", "addresses": ["10.0.0.5/24", "fe80::1/64", "fd00::5/64"]},
        {"name": "eth1", "addresses": ["10.1.0.5/16", "fe80::2/64"]},
    ]
    monkeypatch.setattr(network.netlink, "interfaces", lambda: found)
    assert network.interface("10.0.0.5") == ("eth0", 24, "fd00::5")
    assert network.interface("fd00:0::5") == ("eth0", 64, "10.0.0.5")
    assert network.interface("10.1.0.5") == ("eth1", 16, "")
    assert network.interface("10.9.0.5") == ("", 0, "")


def test_etcd_is_asked_at_the_loopback_address_that_it_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    manifest = tmp_path / "etcd.yaml"
    monkeypatch.setattr(etcd, "MANIFEST", str(manifest))
    assert etcd.command()[1] == "--endpoints=https://127.0.0.1:2379"
    manifest.write_text("    - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.11:2379\n")
    assert etcd.command()[1] == "--endpoints=https://127.0.0.1:2379"
    manifest.write_text("    - --listen-client-urls=https://[::1]:2379,https://[fd00::b]:2379\n")
    assert etcd.command()[1] == "--endpoints=https://[::1]:2379"
