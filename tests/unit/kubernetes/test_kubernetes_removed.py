# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused to hosts that were removed, and who is one of them.

Rules are read here, not evaluated: nothing on the controller knows CEL. The drill of removals asks a real API server.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import nodes, removed, requests, view
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import ApiError
from fake_kubernetes import FakeKubernetes

NOW = 1_800_000_000.0
WEB, BATCH = "system:node:web-1", "system:node:batch-1"


def record(kubernetes: FakeKubernetes) -> dict[str, int]:
    """Who is refused, and since when."""
    return removed.read(kubernetes.objects.get(removed.POLICY))


def test_a_removed_host_alone_is_refused_a_node_and_another_certificate() -> None:
    spec = removed.policy({WEB: 17, BATCH: 18})["spec"]
    rules = spec["matchConstraints"]["resourceRules"]
    covered = {(rule["apiGroups"][0], rule["resources"][0]): rule["operations"] for rule in rules}
    assert covered == {("", "nodes"): ["CREATE"], ("certificates.k8s.io", "certificatesigningrequests"): ["CREATE"]}
    (condition,), (rule,) = spec["matchConditions"], spec["validations"]
    assert condition["expression"] == "request.userInfo.username.startsWith('system:node:')"
    assert rule["expression"] == f'!(request.userInfo.username in {{"{WEB}": 17, "{BATCH}": 18}})'
    assert rule["reason"] == "Forbidden" and "was removed from the cluster" in rule["message"]
    assert removed.binding()["spec"] == {"policyName": removed.NAME, "validationActions": ["Deny"]}


def test_rules_are_as_short_as_the_api_wants_them() -> None:
    """Names as long as they may be, of more hosts than one rule takes."""
    known = {f"{removed.USER}{number:05}{'x' * 248}": int(NOW) for number in range(1000)}
    spec = removed.policy(known)["spec"]
    assert len(spec["validations"]) == 4 and all(len(rule["expression"]) < 100_000 for rule in spec["validations"])
    assert removed.read({"spec": spec}) == known


def test_the_record_is_what_the_rule_says(kubernetes: FakeKubernetes) -> None:
    api = kubernetes.api()
    removed.revoke(api, ["web-1"], NOW)
    removed.revoke(api, ["batch-1"], NOW + 5)
    removed.revoke(api, ["web-1"], NOW + 9)
    assert record(kubernetes) == {WEB: NOW, BATCH: NOW + 5}
    assert kubernetes.objects[removed.BINDING]["spec"]["policyName"] == removed.NAME
    assert removed.readmit(api, ["web-1", "web-2"], check=True) == ["web-1"] and WEB in record(kubernetes)
    assert removed.readmit(api, ["web-1", "web-2"]) == ["web-1"] and record(kubernetes) == {BATCH: NOW + 5}
    assert removed.readmit(api, ["web-1", "web-2"]) == []


def test_nobody_was_removed_yet(kubernetes: FakeKubernetes) -> None:
    assert removed.readmit(kubernetes.api(), ["web-1"]) == [] and not kubernetes.objects


def test_whose_certificate_has_ended_is_forgotten(kubernetes: FakeKubernetes) -> None:
    removed.revoke(kubernetes.api(), ["web-1"], NOW)
    removed.revoke(kubernetes.api(), ["batch-1"], NOW + removed.KEPT)
    assert record(kubernetes) == {BATCH: NOW + removed.KEPT}


@pytest.mark.parametrize(
    "rule", ["true", '!(request.userInfo.username in {"admin": 1})', "object.metadata.name != 'x'"]
)
def test_a_rule_of_somebody_else_names_nobody(rule: str) -> None:
    assert removed.read({"spec": {"validations": [{"expression": rule}]}}) == {}
    assert removed.read({"spec": {}}) == {} == removed.read(None)


def test_what_another_manager_writes_meanwhile_is_kept(kubernetes: FakeKubernetes) -> None:
    removed.revoke(kubernetes.api(), ["web-1"], NOW)
    others = [["web-2"], ["web-3"]]

    def react(method: str, _target: str, _body: Any) -> None:
        if method == "PUT" and others:
            users = {f"{removed.USER}{name}": int(NOW) for name in others.pop()} | record(kubernetes)
            version = {"name": removed.NAME, "resourceVersion": f"other-{len(others)}"}
            kubernetes.objects[removed.POLICY] = {**removed.policy(users), "metadata": version}

    kubernetes.react = react
    removed.revoke(kubernetes.api(), ["batch-1"], NOW)
    assert set(record(kubernetes)) == {WEB, BATCH, "system:node:web-2", "system:node:web-3"}


def test_a_policy_that_never_rests_is_an_error(kubernetes: FakeKubernetes) -> None:
    kubernetes.react = lambda method, _target, _body: (409, {"message": "busy"}) if method == "POST" else None
    with pytest.raises(ApiError, match="is changed by others all the time"):
        removed.revoke(kubernetes.api(), ["web-1"], NOW)


def test_the_host_is_refused_before_its_node_goes(kubernetes: FakeKubernetes) -> None:
    kubernetes.add("/api/v1/nodes/web-1", metadata={"uid": "uid-1"})
    removed.forget(kubernetes.api(), "web-1", only={"uid": "uid-1"})
    writes = [path.partition("?")[0] for method, path in kubernetes.requests if method != "GET"]
    assert writes == [removed.BINDING, removed.POLICIES, f"{view.NODES}/web-1"]
    assert WEB in record(kubernetes) and f"{view.NODES}/web-1" not in kubernetes.objects


def test_the_host_that_has_the_name_by_now_is_not_refused(kubernetes: FakeKubernetes) -> None:
    kubernetes.add("/api/v1/nodes/web-1", metadata={"uid": "uid-2"})
    with pytest.raises(ApiError):
        removed.forget(kubernetes.api(), "web-1", only={"uid": "uid-1"})
    assert record(kubernetes) == {} and f"{view.NODES}/web-1" in kubernetes.objects


def test_a_host_that_came_too_late_is_refused(kubernetes: FakeKubernetes) -> None:
    """It could make a Node of its own else, without the taints of its pool."""
    data = {"address": "10.0.2.1", "key": "k", "pool": "web", "time": str(NOW)}
    labels = {requests.RECORD: "host"}
    kubernetes.add(f"{requests.LET_IN}/web-1", metadata={"labels": labels}, data=data)
    kubernetes.add(f"{view.NODES}/web-1", metadata={"resourceVersion": "1"})
    assert requests.forget_absent(kubernetes.api(), NOW + requests.SECONDS + 1) == ["web-1"]
    assert WEB in record(kubernetes)


def test_an_installation_admits_its_hosts_again(kubernetes: FakeKubernetes) -> None:
    removed.revoke(kubernetes.api(), ["web-1", "batch-1"], NOW)
    want = nodes.Desired("web-1", "127.0.0.1")
    assert "admission of web-1" in nodes.foresee(kubernetes.api(), [want], {}) and WEB in record(kubernetes)
    changes, _faults = nodes.ensure(kubernetes.api(), [want], {}, 0)
    assert "admission of web-1" in changes and set(record(kubernetes)) == {BATCH}
