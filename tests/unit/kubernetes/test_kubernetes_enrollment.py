# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the enrollment service of a Kubernetes cluster lets in, with what, and what is left of it afterwards."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.tenancy import TenancyError
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import join, tokens
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.manager import JoiningHost
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.service import Counter
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied, Token
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    enrollment,
    joining_host,
    kernel,
    membership,
    nodes,
    removed,
    requests,
    tenancy,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import tokens as bootstrap
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.enrollment import (
    LET_IN,
    SECRETS,
    EnrollmentService,
)
from ansible_collections.keelson.cluster.plugins.module_utils.modules import join_token as token_module
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node

ROLE = Path(__file__).parents[3] / "roles" / "host_node"
NEW = JoiningHost("web-7", "10.0.0.27", "request", "k1")
DESCRIBED = {
    "files": [{"path": "/etc/x", "content": "NAME.placeholder", "mode": "0600"}],
    "units": [{"name": "kubelet.service", "state": "fresh", "inputs": []}],
    "config": {"kind": "JoinConfiguration", "nodeRegistration": {"name": "NAME.placeholder"}},
    "node": {
        "name": "NAME.placeholder",
        "address": "ADDRESS.placeholder",
        "labels": {"keelson.node-restriction.kubernetes.io/pool": "web", "spot": True},
        "taints": [{"key": "gpu", "effect": "NoSchedule"}],
    },
    "members": {"m1": "10.0.0.11", "NAME.placeholder": "ADDRESS.placeholder"},
}
LABELS = {
    "keelson.node-restriction.kubernetes.io/pool": "web",
    "spot": "true",
    **nodes.marks([{"key": "gpu", "effect": "NoSchedule"}]),
}


@pytest.fixture
def enrollment_service(
    kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EnrollmentService:
    """The enrollment service of a manager, with the pool web."""
    (tmp_path / "web.json").write_text(json.dumps(DESCRIBED))
    monkeypatch.setattr(EnrollmentService, "pools", str(tmp_path / "{pool}.json"))
    for name, text in (("CA_FILE", "the CA"), ("CA_KEY", "the key")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(enrollment, name, str(tmp_path / name))
    monkeypatch.setattr(enrollment.certificate, "sign", lambda *arguments: json.dumps(arguments))
    monkeypatch.setattr(nodes, "serves", lambda _address: "")
    return EnrollmentService("product", kubernetes.api())


def issue(enrollment_service: EnrollmentService, hosts: int = 1, hours: float = 1) -> str:
    """A join token, issued as the module does."""
    params = {"state": "present", "pool": "web", "hosts": hosts, "hours": hours}
    return str(token_module.act(enrollment_service, params, False, time.time())["token"])


def left(kubernetes: FakeKubernetes) -> list[str]:
    """What gives a host rights as any node, or has room for its work."""
    return [path for path in kubernetes.objects if path.startswith((bootstrap.SECRETS, "/api/v1/nodes/web-"))]


def report(kubernetes: FakeKubernetes, name: str, address: str, ready: str | None = "True") -> None:
    """Let a kubelet report, where the node is there already."""
    found = kubernetes.objects.setdefault(f"/api/v1/nodes/{name}", {"metadata": {"name": name}})
    found["status"] = node(name, address, ready=ready)["status"]
    found["metadata"]["uid"] = "u1"


def test_all_tokens_are_revoked_at_once(enrollment_service: EnrollmentService) -> None:
    """What was issued before lets nobody in any more; a prediction revokes none, and the second run finds none."""
    numbers = {issue(enrollment_service).partition(".")[0] for _one in range(3)}
    asked = {"state": "absent", "number": token_module.ALL}
    foretold = token_module.act(enrollment_service, asked, True, time.time())
    assert foretold["changed"] and {token["number"] for token in foretold["tokens"]} == numbers
    assert token_module.act(enrollment_service, asked, False, time.time()) == {"changed": True, "tokens": []}
    assert token_module.act(enrollment_service, asked, False, time.time()) == {"changed": False, "tokens": []}


def test_tokens_are_kept_where_the_last_writer_is_told(
    enrollment_service: EnrollmentService, kubernetes: FakeKubernetes
) -> None:
    text = issue(enrollment_service, hosts=2)
    number = text.partition(".")[0]
    assert enrollment.SPACE in kubernetes.objects and text.partition(".")[2] not in json.dumps(kubernetes.objects)
    token, version = enrollment_service.read(number)
    assert token and enrollment_service.write(token, version)
    assert not enrollment_service.write(token, version), "somebody else was first"
    assert not enrollment_service.write(token), "there is one of this number"
    asked: list[str] = []

    def step(found: Token | None) -> Token:
        if not asked:  # another manager lets a host in at the same time
            asked.append("once")
            enrollment_service.change(number, lambda known: tokens.enroll(known, text, "a", "k0", 0))
        return tokens.enroll(found, text, "b", "k1", 0)

    assert enrollment_service.change(number, step).joined == (("a", "k0"), ("b", "k1"))
    with pytest.raises(Denied, match="forged, or revoked"):
        enrollment_service.change("../pods", lambda known: tokens.enroll(known, text, "c", "k2", 0))
    assert enrollment_service.revoke(number) and not enrollment_service.revoke(number)
    with pytest.raises(Denied, match="forged, or revoked"):
        enrollment_service.change(number, lambda known: tokens.enroll(known, text, "c", "k2", 0))
    assert enrollment_service.tokens() == []


def test_the_name_of_a_removed_host_is_free_again(
    enrollment_service: EnrollmentService, kubernetes: FakeKubernetes
) -> None:
    removed.revoke(enrollment_service.api, [NEW.name, "web-8"], time.time())
    enrollment_service.enroll(NEW, "web")
    assert set(removed.read(kubernetes.objects[removed.POLICY])) == {"system:node:web-8"}


def test_a_host_becomes_a_node(enrollment_service: EnrollmentService, kubernetes: FakeKubernetes) -> None:
    answer = enrollment_service.enroll(NEW, "web")
    assert answer["files"][0]["content"] == "web-7" and answer["config"]["nodeRegistration"]["name"] == "web-7"
    assert set(answer) == {"files", "units", "config", "cluster", "address", "discovery"}
    cluster = answer["discovery"]["clusters"][0]["cluster"]
    assert cluster["server"] == f"https://127.0.0.1:{kubernetes.port}"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"the CA"
    [credentials] = answer["discovery"]["users"][0]["user"].items()
    signed = json.loads(base64.b64decode(credentials[1]))
    assert credentials[0] == "client-certificate-data"
    assert signed == ["request", "the CA", "the key", "/O=system:nodes/CN=system:node:web-7", [], 900]
    assert requests.read_members(enrollment_service.api) == {"web-7": "10.0.0.27"}
    found = kubernetes.objects["/api/v1/nodes/web-7"]
    assert found["spec"]["taints"] == DESCRIBED["node"]["taints"], "before the host has any credentials"  # type: ignore[index]
    assert found["metadata"]["labels"] == LABELS

    assert enrollment_service.settle(NEW) == "node web-7 has not registered with the address 10.0.0.27"
    report(kubernetes, "web-7", "10.0.0.9", ready="Unknown")
    assert "has not registered" in enrollment_service.settle(NEW), "the node of the server that had its name before"
    report(kubernetes, "web-7", NEW.address, ready=None)
    assert "web-7 is not ready" in enrollment_service.settle(NEW)
    report(kubernetes, "web-7", NEW.address)
    assert enrollment_service.settle(NEW) == ""
    found = kubernetes.objects["/api/v1/nodes/web-7"]
    assert found["metadata"]["labels"] == LABELS
    assert found["spec"]["taints"] == DESCRIBED["node"]["taints"]  # type: ignore[index]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "web-7", "uid": "u1"}
    assert kubernetes.objects[f"{LET_IN}/web-7"]["metadata"]["ownerReferences"] == [owner]


def test_the_serving_certificate_of_a_host_that_was_let_in(
    enrollment_service: EnrollmentService, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(requests, "approve", lambda _api, addresses, _check: seen.append(addresses) or ([], {}))
    requests.keep_members(enrollment_service.api, {"m1": "10.0.0.11"}, False)
    enrollment_service.enroll(NEW, "web")
    report(kubernetes, "web-7", NEW.address)
    enrollment_service.settle(NEW)
    nodes.ensure(enrollment_service.api, [], {"m1": "10.0.0.11", "m2": "10.0.0.12"}, 0)
    nodes.foresee(enrollment_service.api, [], {"m1": "10.0.0.11"})
    everybody = {"m1": "10.0.0.11", "web-7": "10.0.0.27"}
    assert seen == [everybody, {**everybody, "m2": "10.0.0.12"}, everybody], "an installation forgets nobody"
    requests.keep_members(enrollment_service.api, {"web-7": "10.0.0.99"}, False)
    assert requests.read_members(enrollment_service.api)["web-7"] == "10.0.0.99", "the inventory has the last word"


@pytest.mark.parametrize(
    ("address", "key"), [("10.0.0.28", "k1"), ("10.0.0.27", "k2")], ids=["another address", "another key"]
)
def test_only_who_was_let_in_is_settled(
    enrollment_service: EnrollmentService, kubernetes: FakeKubernetes, address: str, key: str
) -> None:
    enrollment_service.enroll(NEW, "web")
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7"))
    before = json.dumps(kubernetes.objects)
    with pytest.raises(Denied, match=f"no web-7 was let in from {address} with this key"):
        enrollment_service.settle(JoiningHost("web-7", address, "", key))
    assert json.dumps(kubernetes.objects) == before


def test_names_that_are_taken(enrollment_service: EnrollmentService, kubernetes: FakeKubernetes) -> None:
    assert enrollment_service.holder("web-7") == ""
    enrollment_service.enroll(NEW, "web")
    assert enrollment_service.holder("web-7") == NEW.address, "it was let in just now"
    kubernetes.objects[f"{LET_IN}/web-7"]["data"]["time"] = "0"
    assert enrollment_service.holder("web-7") == "", "it has never come"
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", "10.0.0.31"))
    assert enrollment_service.holder("web-7") == "10.0.0.31"
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", "10.0.0.31", ready="Unknown"))
    assert enrollment_service.holder("web-7") == "", "a dead host's name is free"
    requests.keep_members(enrollment_service.api, {"web-7": "10.0.0.41"}, False)
    assert enrollment_service.holder("web-7") == "10.0.0.41", "but never one of the inventory"


def test_no_team_has_the_namespace_of_join_tokens(
    enrollment_service: EnrollmentService, kubernetes: FakeKubernetes
) -> None:
    with pytest.raises(TenancyError, match="keelson-join belongs to Kubernetes or to this collection"):
        tenancy.validate([{"name": "keelson-join"}])
    assert requests.SPACE not in kubernetes.objects
    requests.keep_members(enrollment_service.api, {"m1": "10.0.0.11"}, False)
    assert requests.SPACE in kubernetes.objects, "made by the installation, before anybody else makes it"


def test_two_hosts_of_one_name_at_once(enrollment_service: EnrollmentService, kubernetes: FakeKubernetes) -> None:
    def other(method: str, path: str, _body: Any) -> Any:
        return (409, {"message": "exists"}) if (method, path) == ("POST", LET_IN) else None

    kubernetes.react = other
    with pytest.raises(Denied, match="another host of the name web-7 asks at the same time") as denied:
        enrollment_service.enroll(NEW, "web")
    assert denied.value.status == 503 and not left(kubernetes)


def test_who_never_came_is_forgotten(enrollment_service: EnrollmentService, kubernetes: FakeKubernetes) -> None:
    for name in ("web-6", "web-7", "web-8"):
        enrollment_service.enroll(JoiningHost(name, "10.0.0.26", "", name), "web")
    report(kubernetes, "web-6", "10.0.0.26")
    for name in ("web-6", "web-7"):
        kubernetes.objects[f"{LET_IN}/{name}"]["data"]["time"] = "0"
    issue(enrollment_service)
    assert set(requests.let_in(enrollment_service.api)) == {"web-6", "web-8"}
    assert [path for path in kubernetes.objects if path.startswith("/api/v1/nodes/")] == [
        "/api/v1/nodes/web-6",
        "/api/v1/nodes/web-8",
    ], "the node made for it is gone too"
    old, _text = tokens.make("web", 1, 1, time.time() - 30 * 86400)
    enrollment_service.write(old)
    enrollment_service.sweep(time.time())
    assert f"{SECRETS}/{old.number}" not in kubernetes.objects and len(enrollment_service.tokens()) == 1


def test_who_comes_at_that_moment_stays(enrollment_service: EnrollmentService, kubernetes: FakeKubernetes) -> None:
    enrollment_service.enroll(NEW, "web")
    kubernetes.objects[f"{LET_IN}/web-7"]["data"]["time"] = "0"

    def comes(method: str, path: str, _body: Any) -> None:
        if method == "DELETE" and path.endswith("/nodes/web-7"):
            kubernetes.objects[path]["metadata"]["resourceVersion"] = "later"

    kubernetes.objects["/api/v1/nodes/web-7"]["metadata"]["resourceVersion"] = "made"
    kubernetes.react = comes
    assert requests.forget_absent(enrollment_service.api, time.time()) == []
    assert "/api/v1/nodes/web-7" in kubernetes.objects and f"{LET_IN}/web-7" in kubernetes.objects


def test_the_counter_refuses(enrollment_service: EnrollmentService, kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    counter = Counter("product", lambda _cluster: enrollment_service)
    request = join.make_request(str(tmp_path / "key"))

    def ask(token: str, name: str = "web-7", key: str = request) -> dict[str, Any]:
        asked = {"token": token, "name": name, "address": "10.0.0.27", "request": key}
        return counter.answer("/v1/join", asked, "10.0.0.27", time.time())

    text = issue(enrollment_service)
    requests.keep_members(enrollment_service.api, {"m1": "10.0.0.11"}, False)
    ended, ended_text = tokens.make("web", 1, -1, time.time())
    enrollment_service.write(ended)
    for token, name, why in (
        ("5f2d.abc", "web-7", "it was forged, or revoked"),
        ("", "web-7", "it was forged, or revoked"),
        (ended_text, "web-7", "ended at"),
        (text, "kubernetes", "kubernetes is a name of Kubernetes"),
        (text, "m1", "m1 is the name of a member at 10.0.0.11; give the new host another one"),
    ):
        with pytest.raises(Denied, match=why):
            ask(token, name)
    assert not left(kubernetes), "nobody was given anything"
    ask(text)
    ask(text)  # cut off before it had read the answer
    other = join.make_request(str(tmp_path / "other"))
    with pytest.raises(Denied, match=r"has let in the 1 it was made for \(web-7\)"):
        ask(text, key=other)


# --- on the new host ---------------------------------------------------------------------------------------------------

OLD = {"cgroup": 1, "oom_score": False, "confined": True}
MODERN = {"cgroup": 2, "oom_score": True, "confined": False}


@pytest.mark.parametrize(("found", "driver"), [(OLD, "cgroupfs"), (MODERN, "systemd")])
def test_a_host_puts_in_what_its_kernel_requirements(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], driver: str
) -> None:
    monkeypatch.setattr(kernel, "features", lambda: found)
    requirements = kernel.requirements(found)
    answer = {
        "files": [
            {
                "path": "/a",
                "content": 'x = "PLACEHOLDER.systemd_cgroup"\nOOMScoreAdjust=PLACEHOLDER.oom_score_adjust\n',
            },
            {
                "path": "/b",
                "data": {"cgroupDriver": "PLACEHOLDER.cgroup_driver", "featureGates": "PLACEHOLDER.feature_gates"},
            },
            {"path": "/c", "state": "directory"},
        ]
    }
    text, data, folder = joining_host.files(answer, "")
    assert (
        text["content"]
        == f"x = {json.dumps(found['cgroup'] == 2)}\nOOMScoreAdjust={requirements['oom_score_adjust']}\n"
    )
    assert data["data"] == {"cgroupDriver": driver, "featureGates": requirements["feature_gates"]}
    assert folder == {"path": "/c", "state": "directory"}


def test_the_marks_are_what_a_host_knows() -> None:
    [task] = yaml.safe_load((ROLE / "tasks/kubernetes/enrollment.yml").read_text())
    assert task["vars"]["__host_node_other_address"] == "PLACEHOLDER.other_address"
    marks = task["vars"]["__host_node_requirements"]
    assert marks == {name: f"PLACEHOLDER.{name}" for name in marks}
    assert set(marks) | {"ignore"} == set(kernel.requirements(MODERN))


def test_kubeadm_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    states = [membership.ABSENT, membership.JOINED]
    monkeypatch.setattr(membership, "by_files", lambda _part, _note: states.pop(0))
    monkeypatch.setattr(kernel, "features", lambda: OLD)
    monkeypatch.setattr(joining_host.kubeadm, "join", lambda *arguments: calls.append(arguments))
    discovery = {"users": [{"user": {"client-certificate-data": "c"}}]}
    config = {"node-ip": "10.0.0.27,PLACEHOLDER.other_address"}
    answer = {"cluster": "product", "address": "10.0.0.27", "config": config, "discovery": discovery}
    interface = joining_host.network.Interface("eth0", 24, "fd00::27")
    monkeypatch.setattr(joining_host.network, "interface", lambda _address: interface)
    joining_host.join(answer, "a key")
    joining_host.join(answer, "a key")
    user = {"client-certificate-data": "c", "client-key-data": base64.b64encode(b"a key").decode()}
    given = {"users": [{"user": user}]}
    assert calls == [
        (
            "product",
            "node",
            "10.0.0.27",
            {"node-ip": "10.0.0.27,fd00::27"},
            given,
            ["SystemVerification"],
            joining_host.TIMEOUT,
        )
    ]


def test_kubeadm_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise joining_host.kubeadm.KubeadmError("'kubeadm join' failed: no answer")

    monkeypatch.setattr(membership, "by_files", lambda _part, _note: membership.ABSENT)
    monkeypatch.setattr(kernel, "features", lambda: OLD)
    monkeypatch.setattr(joining_host.kubeadm, "join", fail)
    with pytest.raises(OSError, match="'kubeadm join' failed: no answer"):
        joining_host.join(
            {"cluster": "product", "address": "10.0.0.27", "config": {}, "discovery": {"users": [{"user": {}}]}}, ""
        )
