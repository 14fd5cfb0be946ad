# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes tell, and the steps that take work away from a node."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import view
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node, pod


def test_a_node_is_read() -> None:
    found = view.parse_node(node("web-1", "10.0.0.9", pool="web"))
    assert (found.name, found.address, found.pool, found.version) == ("web-1", "10.0.0.9", "web", "v1.36.3")
    assert not found.obstacle and not found.manager


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
    found = view.parse_node(node("web-1", **changes))
    assert found.obstacle and words in found.trouble


def test_a_drain_moves_what_somebody_starts_elsewhere(kubernetes: FakeKubernetes) -> None:
    kubernetes.add(f"{view.NODES}/web-1", **node("web-1"))
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
    view.cordon(api, "web-1", {"x": "drill"})
    assert kubernetes.objects[f"{view.NODES}/web-1"]["spec"]["unschedulable"] is True
    assert view.drain(api, "web-1", 10) is None and evicted == ["app", "app"]
    view.uncordon(api, "web-1", ("x",))
    after = kubernetes.objects[f"{view.NODES}/web-1"]
    assert "unschedulable" not in after["spec"] and after["metadata"]["annotations"] == {}


@pytest.mark.parametrize("status", [429, 500])
def test_a_drain_that_does_not_end_tells_what_is_left_and_why(kubernetes: FakeKubernetes, status: int) -> None:
    for name in ("app", "other"):
        kubernetes.add(f"/api/v1/namespaces/a/pods/{name}", **pod(name, "web-1", owner="ReplicaSet"))
    kubernetes.objects["/api/v1/namespaces/a/pods/other"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    kubernetes.react = lambda _method, path, _body: (
        (status, {"message": "budget"}) if path.endswith("eviction") else None
    )
    told = "on web-1 there still are a/app (budget), a/other (it is ending)"
    assert view.drain(kubernetes.api(), "web-1", 0.1) == told
