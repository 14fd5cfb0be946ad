# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is judged of a Kubernetes cluster, each good and bad."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any, Callable

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks import model
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Verdict
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import checks, etcd, view
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.members import members
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.requests import LET_IN
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node, pod

MANAGERS = {"m1": "10.0.0.1", "m2": "10.0.0.2", "m3": "10.0.0.3"}
NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc)


def etcd_members(*addresses: str, started: bool = True, learner: bool = False) -> list[etcd.Member]:
    """Members of etcd at addresses."""
    return [etcd.Member(address, f"m-{address}", address, started, learner) for address in addresses]


def certificate(name: str, end: str = "2027-11-22T00:00:00Z", missing: bool = False) -> dict[str, Any]:
    """An entry of kubeadm's list of certificates."""
    return {"name": name, "missing": True} if missing else {"name": name, "expirationDate": end, "missing": False}


def expiry(*entries: dict[str, Any]) -> Verdict:
    """Judge certificates and a CA."""
    ca = certificate("ca", "2036-11-22T00:00:00Z")
    return checks.certificates({"certificates": list(entries), "certificateAuthorities": [ca]}, 14, NOW)


def ask(name: str = "web-1", address: str = "10.0.0.9", pool: str | None = "web", **changes: Any) -> Verdict:
    """Judge one node."""
    return checks.node([view.parse_node(node("web-1", **changes))], name, address, pool)


def stored(value: bytes) -> dict[str, Any]:
    """An answer of etcdctl get."""
    return {"kvs": [{"value": base64.b64encode(value).decode()}]}


def workload(name: str, desired: int, ready: int, daemons: bool = False) -> dict[str, Any]:
    """A Deployment or a DaemonSet."""
    if daemons:
        return {"metadata": {"name": name}, "status": {"desiredNumberScheduled": desired, "numberReady": ready}}
    return {"metadata": {"name": name}, "spec": {"replicas": desired}, "status": {"readyReplicas": ready}}


def api_service(name: str, status: str | None = "True", local: bool = False) -> dict[str, Any]:
    """An APIService, served by a program in the cluster unless `local`."""
    conditions = [{"type": "Available", "status": status, "message": "no endpoints"}] if status else []
    spec = {} if local else {"service": {"name": "x"}}
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": conditions}}


def binding(name: str, role: str, subject: str) -> dict[str, Any]:
    """A binding of a role to one subject."""
    return {"metadata": {"name": name}, "roleRef": {"name": role}, "subjects": [{"name": subject}]}


CASES: list[tuple[Callable[[], Verdict], bool, str]] = [
    (lambda: checks.peers(etcd_members(*MANAGERS.values()), MANAGERS), True, "10.0.0.3"),
    (lambda: checks.peers(etcd_members("10.0.0.1", "10.0.0.2"), MANAGERS), False, "missing: 10.0.0.3"),
    (lambda: checks.peers(etcd_members(*MANAGERS.values(), "10.0.0.4"), MANAGERS), False, "not in the inventory"),
    (lambda: checks.peers(etcd_members(*MANAGERS.values(), learner=True), MANAGERS), False, "voters: none"),
    (lambda: checks.peers(etcd_members(*MANAGERS.values(), started=False), MANAGERS), False, "voters: none"),
    (lambda: expiry(certificate("admin.conf")), True, "2 certificates, the first to end is admin.conf in 365 days"),
    (lambda: expiry(certificate("apiserver", "2026-11-25T00:00:00Z")), False, "apiserver: 3 days left, 14 desired"),
    (lambda: expiry(certificate("apiserver", "2026-11-20T00:00:00Z")), False, "apiserver: -2 days"),
    (lambda: expiry(certificate("etcd-server", missing=True)), False, "missing: etcd-server"),
    (lambda: expiry(certificate("admin.conf"), certificate("super-admin.conf", missing=True)), True, "2 certificates"),
    (lambda: checks.certificates({}, 14, NOW), False, "missing: all"),
    (lambda: checks.encrypted(stored(b"k8s:enc:aesgcm:v1:key1:\x01\x02")), True, "encrypted with aesgcm"),
    (lambda: checks.encrypted(stored(b"k8s\x00\n\x0c\n\x02v1\x12\x06Secret hunter2")), False, "plain text"),
    (lambda: checks.encrypted({}), True, "no Secret"),
    (lambda: ask(), True, "ready, pool web, kubelet v1.36.3"),
    (lambda: ask("web-7"), False, "not a node of the cluster"),
    (lambda: ask(address="10.0.0.8"), False, "its address is 10.0.0.9, not 10.0.0.8"),
    (lambda: ask(pool="batch"), False, "in pool web, not batch"),
    (lambda: checks.node([view.parse_node(node("w", pool=""))], "w", "10.0.0.9", "web"), False, "of no name"),
    (lambda: ask(ready="False"), False, "container runtime is down"),
    (lambda: ask(cordoned=True), False, "cordoned"),
    (lambda: ask(pool=None), False, "no role control-plane"),
    (lambda: ask(pool=None, manager=True), True, "ready, control plane"),
    (lambda: checks.members([view.parse_node(node("web-1"))], {"web-1"}, []), True, "1 nodes"),
    (lambda: checks.members([view.parse_node(node("old-1"))], {"web-1"}, ["web-2"]), False, "a join token: old-1"),
    (lambda: checks.members([view.parse_node(node("web-2"))], {"web-1"}, ["web-2"]), True, "1 of them joined"),
    (lambda: checks.members([view.parse_node(node("m9", manager=True))], set(), ["m9"]), False, "a join token: m9"),
    (
        lambda: checks.versions({"kubelet on m1": "v1.36.3", "kube-proxy on m1": "v1.36.3"}),
        True,
        "2 programs of v1.36.3",
    ),
    (lambda: checks.versions({"a": "v1.36.3", "b": "v1.35.4"}), False, "v1.35.4: b; v1.36.3: a"),
    (lambda: checks.versions({"a": ""}), False, "unknown: a"),
    (lambda: checks.versions({}), False, "no program"),
    (lambda: checks.system([workload("coredns", 2, 2), workload("kube-proxy", 5, 5, True)]), True, "kube-proxy 5 of 5"),
    (lambda: checks.system([workload("coredns", 2, 2), workload("kube-proxy", 5, 4, True)]), False, "4 of 5"),
    (lambda: checks.system([workload("coredns", 2, 1)]), False, "coredns 1 of 2"),
    (lambda: checks.system([]), False, "nothing"),
    (
        lambda: checks.served_apis([api_service("m"), api_service("apps", local=True)]),
        True,
        "2 APIs, served in the cluster: m",
    ),
    (lambda: checks.served_apis([api_service("m", "False")]), False, "m: no endpoints"),
    (lambda: checks.served_apis([api_service("m", None)]), False, "m: nobody has looked yet"),
    (lambda: checks.dashboards([{"metadata": {"name": "web", "namespace": "a"}}]), True, "none among 1"),
    (lambda: checks.dashboards([{"metadata": {"name": "my-dashboard", "namespace": "a"}}]), False, "a/my-dashboard"),
    (
        lambda: checks.anonymous([binding("a", "system:public-info-viewer", "system:unauthenticated")]),
        True,
        "1 bindings",
    ),
    (lambda: checks.anonymous([binding("a", "cluster-admin", "alice")]), True, "none of 1"),
    (lambda: checks.anonymous([binding("a", "view", "system:anonymous")]), False, "a gives view"),
    (lambda: checks.anonymous([binding("a", "view", "system:unauthenticated")]), False, "a gives view"),
    (lambda: checks.tokens([]), True, "no token"),
    (lambda: checks.tokens([{"metadata": {"name": "bootstrap-token-abc"}}]), False, "left: bootstrap-token-abc"),
]


@pytest.mark.parametrize(("question", "good", "words"), CASES)
def test_verdicts(question: Callable[[], Verdict], good: bool, words: str) -> None:
    verdict = question()
    assert verdict.passed is good and words in verdict.evidence, verdict


def test_no_secret_is_shown() -> None:
    assert "hunter2" not in checks.encrypted(stored(b"k8s\x00 Secret hunter2")).evidence


def test_versions_are_those_of_the_images() -> None:
    pods = [
        pod("a", "m1", image="registry.k8s.io/kube-apiserver:v1.36.3"),
        pod("b", "m1", image="mirror.example:5000/k8s/kube-proxy:v1.36.3@sha256:0"),
        pod("c", "m1", image="registry.k8s.io/coredns/coredns:v1.14.2"),
        pod("d", "m1", image="docker.io/calico/kube-controllers:v3.28.5"),
    ]
    assert checks.control_plane_versions(pods) == {"kube-apiserver on m1": "v1.36.3", "kube-proxy on m1": "v1.36.3"}


def cluster(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good cluster of one manager and one host node, all of it behind one fake API."""
    kubernetes.add("/api/v1/nodes/m1", **node("m1", "127.0.0.1", manager=True))
    kubernetes.add("/api/v1/nodes/web-1", **node("web-1", "10.0.0.9"))
    kubernetes.add(
        "/api/v1/namespaces/kube-system/pods/api", **pod("api", "m1", image="registry.k8s.io/kube-apiserver:v1.36.3")
    )
    kubernetes.add("/apis/apps/v1/namespaces/kube-system/deployments/coredns", **workload("coredns", 2, 2))
    kubernetes.react = lambda method, path, body: (200, "ok") if path == "/readyz" else None
    monkeypatch.setattr(etcd, "members", lambda: etcd_members("127.0.0.1"))
    monkeypatch.setattr(etcd, "ask", lambda *arguments: stored(b"k8s:enc:aescbc:v1:key1:x"))
    monkeypatch.setattr(checks.Api, "at", lambda self, host, port=0: self)


def asked(kubernetes: FakeKubernetes) -> dict[str, tuple[bool, str]]:
    """All checks by kind and target, with what they found."""
    managers, nodes = {"m1": "127.0.0.1"}, [{"name": "web-1", "address": "10.0.0.9", "pool": "web"}]
    api = kubernetes.api()
    found = checks.manager_checks(api, managers) + checks.cluster_checks(api, managers, nodes)
    return {f"{c['check']} {c['target']}".strip(): (c["passed"], c["evidence"]) for c in found}


def test_a_good_cluster_passes(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(kubernetes, monkeypatch)
    found = asked(kubernetes)
    assert all(passed for passed, _evidence in found.values()), found
    assert {"endpoint", "peers", "ready m1", "node m1", "node web-1", "tokens", "encryption"} <= found.keys()


def test_an_api_that_is_not_ready_is_told(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(kubernetes, monkeypatch)
    kubernetes.react = lambda method, path, body: (500, "[-]etcd failed") if path == "/readyz" else None
    found = asked(kubernetes)
    assert found["endpoint"] == (False, f"https://127.0.0.1:{kubernetes.port}/readyz: HTTP 500 [-]etcd failed")
    assert not found["ready m1"][0] and found["node web-1"][0]


def test_a_unauthorized_among_the_nodes_is_told(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(kubernetes, monkeypatch)
    kubernetes.add("/api/v1/nodes/old-1", **node("old-1"))
    kubernetes.add("/api/v1/namespaces/kube-system/secrets/bootstrap-token-abc")
    kubernetes.add(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/a", **binding("a", "view", "system:anonymous")
    )
    kubernetes.add("/api/v1/namespaces/a/services/dashboard")
    failed = {name for name, (passed, _evidence) in asked(kubernetes).items() if not passed}
    assert failed == {"members", "tokens", "anonymous", "dashboard"}


@pytest.mark.parametrize(
    ("mark", "ready", "remedy"),
    [
        ("", True, "kubectl uncordon web-1"),
        ("maintenance", True, "run the drain playbook with -e drain_hosts=web-1 -e drain_state=ready"),
        ("upgrade", True, "run the upgrade playbook again: it was interrupted"),
        ("patch", True, "run the patch playbook again: it was interrupted"),
        ("of-a-role", True, "kubectl uncordon web-1"),
        ("maintenance", False, "look at journalctl -u kubelet"),
    ],
)
def test_what_has_a_cordoned_node_take_work_again(
    kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, mark: str, ready: bool, remedy: str
) -> None:
    cluster(kubernetes, monkeypatch)
    kept_off = node("web-1", "10.0.0.9", cordoned=True, ready="True" if ready else "False")
    kept_off["metadata"]["annotations"] = {view.MARK: mark} if mark else {}
    kubernetes.add("/api/v1/nodes/web-1", **kept_off)
    found = checks.cluster_checks(
        kubernetes.api(), {"m1": "127.0.0.1"}, [{"name": "web-1", "address": "10.0.0.9", "pool": "web"}]
    )
    (told,) = (check["remedy"] for check in found if check["target"] == "web-1" and check["check"] == "node")
    assert told.startswith(remedy)


def test_pods_that_are_still_starting_are_awaited(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation ends when the nodes are ready; what runs on them follows within a minute, or never."""
    cluster(kubernetes, monkeypatch)
    path = "/apis/apps/v1/namespaces/kube-system/deployments/metrics-server"
    kubernetes.add(path, **workload("metrics-server", 1, 0))
    looks = []

    def pause(_seconds: float) -> None:
        looks.append(1)
        if len(looks) == 3:
            kubernetes.add(path, **workload("metrics-server", 1, 1))

    monkeypatch.setattr(model.time, "sleep", pause)
    assert asked(kubernetes)["system"][0] and len(looks) == 3
    kubernetes.add(path, **workload("metrics-server", 1, 0))
    monkeypatch.setattr(checks, "SETTLE", 0.0)
    assert asked(kubernetes)["system"] == (False, "ready: metrics-server 0 of 1")


def test_an_api_that_is_down_fails_every_check(kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(kubernetes, monkeypatch)
    kubernetes.close()
    failed = {name for name, (passed, _evidence) in asked(kubernetes).items() if not passed}
    assert {"endpoint", "ready m1", "node", "versions", "system", "tokens"} <= failed


def test_what_kubeadm_says_of_certificates() -> None:
    answers = [
        (0, json.dumps({"certificates": [certificate("admin.conf")]}), ""),
        (1, "", "unable to\nload config"),
    ]
    found = [checks.host_checks(lambda command, said=said: said, 14, NOW)[0] for said in answers]
    assert [(c["passed"], c["evidence"]) for c in found] == [
        (True, "1 certificates, the first to end is admin.conf in 365 days"),
        (False, "unable to load config"),
    ]


def test_members(kubernetes: FakeKubernetes) -> None:
    kubernetes.add("/api/v1/nodes/m1", **node("m1", "10.0.0.1", manager=True))
    kubernetes.add("/api/v1/nodes/web-1", **node("web-1", ready=None))
    kubernetes.add("/api/v1/nodes/web-2", **node("web-2", "10.0.0.8"))
    for name, address in (("web-1", "10.0.0.3"), ("web-2", "10.0.0.8")):
        record = {"labels": {"keelson.cluster/record": "host"}}
        kubernetes.add(f"{LET_IN}/{name}", data={"address": address}, metadata=record)
    seen = {"version": "1.36.3", "mark": "", "leader": False}
    assert members(kubernetes.api()) == [
        {
            "name": "m1",
            "address": "10.0.0.1",
            "part": "manager",
            "id": "uid-m1",
            "status": "ready",
            "enrolled": False,
            **seen,
        },
        # Let in under another address than the one it has.
        {
            "name": "web-1",
            "address": "10.0.0.9",
            "part": "node",
            "id": "uid-web-1",
            "status": "down",
            "enrolled": False,
            **seen,
        },
        {
            "name": "web-2",
            "address": "10.0.0.8",
            "part": "node",
            "id": "uid-web-2",
            "status": "ready",
            "enrolled": True,
            **seen,
        },
    ]
