# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes and etcd tell, and the steps that take work away from a node."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import etcd, nodes
from ansible_collections.keelson.cluster.plugins.module_utils.remote import ApiError
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node, pod


def test_a_node_is_read() -> None:
    found = nodes.parse_node(node("web-1", "10.0.0.9", pool="web"))
    assert (found.name, found.address, found.pool, found.version) == ("web-1", "10.0.0.9", "web", "v1.36.3")
    assert found.usable and not found.manager


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ready": "False"}, "container runtime is down"),
        ({"ready": None}, "not reported"),
        ({"cordoned": True}, ""),
        ({"taint": "node.kubernetes.io/disk-pressure"}, ""),
    ],
)
def test_what_keeps_work_away_from_a_node(changes: dict[str, Any], words: str) -> None:
    found = nodes.parse_node(node("web-1", **changes))
    assert not found.usable and words in found.trouble


def test_a_drain_moves_what_somebody_starts_elsewhere(kubernetes: FakeKubernetes) -> None:
    kubernetes.add(f"{nodes.NODES}/web-1", **node("web-1"))
    for name, owner in {"app": "ReplicaSet", "agent": "DaemonSet", "static": "Node", "alone": ""}.items():
        kubernetes.add(f"/api/v1/namespaces/a/pods/{name}", **pod(name, "web-1", owner=owner))
    evicted = []

    def react(method: str, path: str, _body: Any) -> tuple[int, Any] | None:
        if not path.endswith("/eviction"):
            return None
        evicted.append(path.split("/")[-2])
        if len(evicted) < 2:
            return 429, {"message": "Cannot evict pod as it would violate the pod's disruption budget."}
        del kubernetes.objects["/api/v1/namespaces/a/pods/app"]
        return 201, {}

    kubernetes.react = react
    api = kubernetes.api()
    nodes.cordon(api, "web-1", {"x": "drill"})
    assert kubernetes.objects[f"{nodes.NODES}/web-1"]["spec"]["unschedulable"] is True
    assert nodes.drain(api, "web-1", 10) is None and evicted == ["app", "app"]
    nodes.uncordon(api, "web-1", ("x",))
    after = kubernetes.objects[f"{nodes.NODES}/web-1"]
    assert "unschedulable" not in after["spec"] and after["metadata"]["annotations"] == {}


def test_a_drain_that_does_not_end_tells_what_is_left(kubernetes: FakeKubernetes) -> None:
    kubernetes.add("/api/v1/namespaces/a/pods/app", **pod("app", "web-1", owner="ReplicaSet"))
    kubernetes.react = lambda method, path, body: (429, {"message": "budget"}) if path.endswith("eviction") else None
    assert nodes.drain(kubernetes.api(), "web-1", 0.1) == "on web-1 there still are a/app"


MEMBERS = {
    "members": [
        {"ID": "2", "name": "m2", "peerURLs": ["https://10.0.0.2:2380"]},
        {"ID": "1", "name": "m1", "peerURLs": ["https://10.0.0.1:2380"]},
        {"ID": "3", "peerURLs": ["https://[fd00::3]:2380"], "isLearner": True},
    ]
}


def test_members_of_etcd(kubernetes: FakeKubernetes) -> None:
    kubernetes.react = lambda method, path, body: (200, MEMBERS)
    found = etcd.members(kubernetes.api())
    assert [(m.member_id, m.name, m.address, m.learner) for m in found] == [
        (1, "m1", "10.0.0.1", False),
        (2, "m2", "10.0.0.2", False),
        (3, "", "fd00::3", True),
    ]


def test_how_the_first_value_begins(kubernetes: FakeKubernetes) -> None:
    asked = []

    def react(_method: str, _path: str, body: Any) -> tuple[int, Any]:
        asked.append((base64.b64decode(body["key"]), base64.b64decode(body["range_end"])))
        return 200, {"kvs": [{"value": base64.b64encode(b"k8s:enc:aesgcm:v1:key1:SECRET").decode()}]}

    kubernetes.react = react
    assert etcd.first_value(kubernetes.api(), "/registry/secrets/", 8) == b"k8s:enc:"
    assert asked == [(b"/registry/secrets/", b"/registry/secrets0")]
    kubernetes.react = lambda method, path, body: (200, {})
    assert etcd.first_value(kubernetes.api(), "/registry/secrets/") is None


def test_etcd_is_asked_with_its_own_certificate(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    for name, text in {"ca.crt": kubernetes.ca, "healthcheck-client.crt": kubernetes.cert}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ApiError, match="healthcheck-client.key.*run the install playbook"):
        etcd.connect(directory=str(tmp_path))
    (tmp_path / "healthcheck-client.key").write_text(kubernetes.key)
    kubernetes.react = lambda method, path, body: (200, {"leader": "5", "dbSize": "4096"})
    assert etcd.status(etcd.connect(directory=str(tmp_path)).at("127.0.0.1", kubernetes.port)) == (5, 4096)
