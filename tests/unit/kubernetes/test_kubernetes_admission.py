# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the desk of a Kubernetes cluster lets in, with what, and what is left of it afterwards."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import join, token_module, tokens
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.manager import Newcomer
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.service import Counter
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied, Token
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    enrollment,
    host,
    joining_host,
    nodes,
    requests,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import tokens as bootstrap
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.enrollment import LET_IN, SECRETS, Desk
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node

ROLE = Path(__file__).parents[3] / "roles" / "host_node"
NEW = Newcomer("web-7", "10.0.0.27", "", "k1")
DESCRIBED = {
    "files": [{"path": "/etc/x", "content": "NAME.placeholder", "mode": "0600"}],
    "units": [{"name": "kubelet.service", "state": "fresh", "inputs": []}],
    "config": {"kind": "JoinConfiguration", "nodeRegistration": {"name": "NAME.placeholder"}},
    "node": {
        "name": "NAME.placeholder",
        "address": "ADDRESS.placeholder",
        "labels": {"keelson.cluster/pool": "web", "spot": True},
        "taints": [{"key": "gpu", "effect": "NoSchedule"}],
    },
}


@pytest.fixture
def desk(kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk of a manager, with the pool web."""
    (tmp_path / "web.json").write_text(json.dumps(DESCRIBED))
    monkeypatch.setattr(Desk, "pools", str(tmp_path / "{pool}.json"))
    (tmp_path / "ca.crt").write_text("the CA")
    monkeypatch.setattr(enrollment, "CA_FILE", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(nodes, "serves", lambda _address: "")
    return Desk("product", kubernetes.api())


def issue(desk: Desk, hosts: int = 1, hours: float = 1) -> str:
    """A join token, issued as the module does."""
    params = {"state": "present", "pool": "web", "hosts": hosts, "hours": hours}
    return str(token_module.act(desk, params, False, time.time())["token"])


def left(kubernetes: FakeKubernetes) -> list[str]:
    """The bootstrap tokens there are."""
    return [path for path in kubernetes.objects if path.startswith(bootstrap.SECRETS)]


def test_tokens_are_kept_where_the_last_writer_is_told(desk: Desk, kubernetes: FakeKubernetes) -> None:
    text = issue(desk, hosts=2)
    number = text.partition(".")[0]
    assert enrollment.SPACE in kubernetes.objects and text.partition(".")[2] not in json.dumps(kubernetes.objects)
    token, version = desk.read(number)
    assert token and desk.write(token, version)
    assert not desk.write(token, version), "somebody else was first"
    assert not desk.write(token), "there is one of this number"
    asked: list[str] = []

    def step(found: Token | None) -> Token:
        if not asked:  # another manager lets a host in at the same time
            asked.append("once")
            desk.change(number, lambda known: tokens.admit(known, text, "a", "k0", 0))
        return tokens.admit(found, text, "b", "k1", 0)

    assert desk.change(number, step).joined == (("a", "k0"), ("b", "k1"))
    with pytest.raises(Denied, match="forged, or revoked"):
        desk.change("../pods", lambda known: tokens.admit(known, text, "c", "k2", 0))
    assert desk.revoke(number) and not desk.revoke(number)
    with pytest.raises(Denied, match="forged, or revoked"):
        desk.change(number, lambda known: tokens.admit(known, text, "c", "k2", 0))
    assert desk.tokens() == []


def test_a_host_becomes_a_node(desk: Desk, kubernetes: FakeKubernetes) -> None:
    answer = desk.introduce(NEW, "web")
    assert answer["files"][0]["content"] == "web-7" and answer["config"]["nodeRegistration"]["name"] == "web-7"
    assert set(answer) == {"files", "units", "config", "cluster", "address", "discovery"}
    cluster = answer["discovery"]["clusters"][0]["cluster"]
    assert cluster["server"] == f"https://127.0.0.1:{kubernetes.port}"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"the CA"
    [secret] = (kubernetes.objects[path]["stringData"] for path in left(kubernetes))
    assert secret["description"] == "made by keelson.cluster to let in web-7" and "expiration" in secret
    assert answer["discovery"]["users"][0]["user"]["token"] == f"{secret['token-id']}.{secret['token-secret']}"
    assert requests.read_members(desk.api) == {"web-7": "10.0.0.27"}

    assert desk.settle(NEW) == "node web-7 has not registered with the address 10.0.0.27"
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", "10.0.0.9", ready="Unknown"))
    assert "has not registered" in desk.settle(NEW), "the node of the server that had its name before"
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", NEW.address, ready=None))
    kubernetes.objects["/api/v1/nodes/web-7"]["metadata"]["uid"] = "u1"
    assert "web-7 is not ready" in desk.settle(NEW) and left(kubernetes)
    found = kubernetes.objects["/api/v1/nodes/web-7"]
    found["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    for path in left(kubernetes):  # as the API returns what it was given as text
        kubernetes.objects[path]["data"] = {
            "description": base64.b64encode(secret["description"].encode()).decode(),
        }
    assert desk.settle(NEW) == "" and not left(kubernetes), "the bootstrap token is used up"
    found = kubernetes.objects["/api/v1/nodes/web-7"]
    assert found["metadata"]["labels"] == {"keelson.cluster/pool": "web", "spot": "true"}
    assert found["spec"]["taints"] == DESCRIBED["node"]["taints"]  # type: ignore[index]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "web-7", "uid": "u1"}
    assert kubernetes.objects[f"{LET_IN}/web-7"]["metadata"]["ownerReferences"] == [owner]


def test_the_serving_certificate_of_a_host_that_was_let_in(
    desk: Desk, kubernetes: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(requests, "approve", lambda _api, addresses, _check: seen.append(addresses) or ([], {}))
    requests.keep_members(desk.api, {"m1": "10.0.0.11"}, False)
    desk.introduce(NEW, "web")
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", NEW.address))
    kubernetes.objects["/api/v1/nodes/web-7"]["metadata"]["uid"] = "u1"
    desk.settle(NEW)
    nodes.bring_about(desk.api, [], {"m1": "10.0.0.11", "m2": "10.0.0.12"}, 0)
    nodes.foresee(desk.api, [], {"m1": "10.0.0.11"})
    everybody = {"m1": "10.0.0.11", "web-7": "10.0.0.27"}
    assert seen == [everybody, {**everybody, "m2": "10.0.0.12"}, everybody], "an installation forgets nobody"
    requests.keep_members(desk.api, {"web-7": "10.0.0.99"}, False)
    assert requests.read_members(desk.api)["web-7"] == "10.0.0.99", "the inventory has the last word"


@pytest.mark.parametrize(
    ("address", "key"), [("10.0.0.28", "k1"), ("10.0.0.27", "k2")], ids=["another address", "another key"]
)
def test_only_who_was_let_in_is_settled(desk: Desk, kubernetes: FakeKubernetes, address: str, key: str) -> None:
    desk.introduce(NEW, "web")
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7"))
    before = json.dumps(kubernetes.objects)
    with pytest.raises(Denied, match=f"no web-7 was let in from {address} with this key"):
        desk.settle(Newcomer("web-7", address, "", key))
    assert json.dumps(kubernetes.objects) == before


def test_names_that_are_taken(desk: Desk, kubernetes: FakeKubernetes) -> None:
    assert desk.holder("web-7") == ""
    desk.introduce(NEW, "web")
    assert desk.holder("web-7") == NEW.address, "it was let in just now"
    kubernetes.objects[f"{LET_IN}/web-7"]["data"]["time"] = "0"
    assert desk.holder("web-7") == "", "it has never come"
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", "10.0.0.31"))
    assert desk.holder("web-7") == "10.0.0.31"
    kubernetes.add("/api/v1/nodes/web-7", **node("web-7", "10.0.0.31", ready="Unknown"))
    assert desk.holder("web-7") == "", "a dead host's name is free"
    requests.keep_members(desk.api, {"web-7": "10.0.0.41"}, False)
    assert desk.holder("web-7") == "10.0.0.41", "but never one of the inventory"


def test_two_hosts_of_one_name_at_once(desk: Desk, kubernetes: FakeKubernetes) -> None:
    def other(method: str, path: str, _body: Any) -> Any:
        return (409, {"message": "exists"}) if (method, path) == ("POST", LET_IN) else None

    kubernetes.react = other
    with pytest.raises(Denied, match="another host of the name web-7 asks at the same time") as denied:
        desk.introduce(NEW, "web")
    assert denied.value.status == 503 and not left(kubernetes)


def test_who_never_came_is_forgotten(desk: Desk, kubernetes: FakeKubernetes) -> None:
    for name in ("web-6", "web-7", "web-8"):
        desk.introduce(Newcomer(name, "10.0.0.26", "", name), "web")
    kubernetes.add("/api/v1/nodes/web-6", **node("web-6"))
    for name in ("web-6", "web-7"):
        kubernetes.objects[f"{LET_IN}/{name}"]["data"]["time"] = "0"
    issue(desk)
    assert set(requests.let_in(desk.api)) == {"web-6", "web-8"}
    old, _text = tokens.make("web", 1, 1, time.time() - 30 * 86400)
    desk.write(old)
    desk.sweep(time.time())
    assert f"{SECRETS}/{old.number}" not in kubernetes.objects and len(desk.tokens()) == 1


def test_the_counter_refuses(desk: Desk, kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    engine: Any = type("Engine", (), {"Desk": type("Open", (), {"open": staticmethod(lambda _cluster: desk)})})
    counter = Counter("product", engine)
    request = join.make_request(str(tmp_path / "key"))

    def ask(token: str, name: str = "web-7", key: str = request) -> dict[str, Any]:
        asked = {"token": token, "name": name, "address": "10.0.0.27", "request": key}
        return counter.answer("/v1/join", asked, "10.0.0.27", time.time())

    text = issue(desk)
    requests.keep_members(desk.api, {"m1": "10.0.0.11"}, False)
    for token, name, why in (
        ("5f2d.abc", "web-7", "it was forged, or revoked"),
        ("", "web-7", "it was forged, or revoked"),
        (issue(desk, hours=-1), "web-7", "ended at"),
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
def test_a_host_puts_in_what_its_kernel_demands(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], driver: str
) -> None:
    monkeypatch.setattr(host, "abilities", lambda: found)
    demands = host.demands(found)
    answer = {
        "files": [
            {"path": "/a", "content": 'x = "DEMAND.systemd_cgroup"\nOOMScoreAdjust=DEMAND.oom_score_adjust\n'},
            {"path": "/b", "data": {"cgroupDriver": "DEMAND.cgroup_driver", "featureGates": "DEMAND.feature_gates"}},
            {"path": "/c", "state": "directory"},
        ]
    }
    text, data, folder = joining_host.files(answer, "")
    assert text["content"] == f"x = {json.dumps(found['cgroup'] == 2)}\nOOMScoreAdjust={demands['oom_score_adjust']}\n"
    assert data["data"] == {"cgroupDriver": driver, "featureGates": demands["feature_gates"]}
    assert folder == {"path": "/c", "state": "directory"}


def test_the_marks_are_what_a_host_knows() -> None:
    [task] = yaml.safe_load((ROLE / "tasks/kubernetes/enrollment.yml").read_text())
    marks = task["vars"]["__host_node_demands"]
    assert marks == {name: f"DEMAND.{name}" for name in marks}
    assert set(marks) | {"ignore"} == set(host.demands(MODERN))


def test_kubeadm_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    states = [host.BARE, host.MEMBER]
    monkeypatch.setattr(host, "membership", lambda _part, _note: states.pop(0))
    monkeypatch.setattr(host, "abilities", lambda: OLD)
    monkeypatch.setattr(joining_host.kubeadm, "join", lambda *arguments: calls.append(arguments))
    answer = {"cluster": "product", "address": "10.0.0.27", "config": {"kind": "x"}, "discovery": {"kind": "y"}}
    joining_host.join(answer)
    joining_host.join(answer)
    assert calls == [
        ("product", "node", "10.0.0.27", {"kind": "x"}, {"kind": "y"}, ["SystemVerification"], joining_host.TIMEOUT)
    ]


def test_kubeadm_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise joining_host.kubeadm.KubeadmError("'kubeadm join' failed: no answer")

    monkeypatch.setattr(host, "membership", lambda _part, _note: host.BARE)
    monkeypatch.setattr(host, "abilities", lambda: OLD)
    monkeypatch.setattr(joining_host.kubeadm, "join", fail)
    with pytest.raises(OSError, match="'kubeadm join' failed: no answer"):
        joining_host.join({"cluster": "product", "address": "10.0.0.27", "config": {}, "discovery": {}})
