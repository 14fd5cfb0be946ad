# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes are drained for a purpose: budgets are kept and named, pods of Jobs may end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import drain
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import view
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.drain import Drains
from fake_kubernetes import FakeKubernetes
from kubernetes_world import node, pod


def act(fake: FakeKubernetes, state: str, purpose: str = "maintenance", **more: Any) -> list[str]:
    given = {"nodes": [{"name": "web-1", "address": "10.0.0.9"}], "purpose": purpose, "state": state}
    return drain.perform(Drains(fake.api()), {**given, "deadline": 1, "timeout": 0, **more}, False)


@pytest.fixture
def fake(kubernetes: FakeKubernetes) -> FakeKubernetes:
    kubernetes.add(f"{view.NODES}/web-1", **node("web-1"))
    return kubernetes


def refuse(method: str, path: str, _body: Any) -> tuple[int, Any] | None:
    """As the API server does: the budget is named in the causes alone."""
    cause = {
        "reason": "DisruptionBudget",
        "message": "The disruption budget shop needs 3 healthy pods and has 3 currently",
    }
    status = {
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "details": {"causes": [cause]},
    }
    return (429, status) if path.endswith("/eviction") else None


def test_there_and_back(fake: FakeKubernetes) -> None:
    assert act(fake, "drained") == ["web-1"] and act(fake, "drained") == []
    assert fake.objects[f"{view.NODES}/web-1"]["metadata"]["annotations"][view.MARK] == "maintenance"
    assert act(fake, "ready", purpose="upgrade") == []
    assert act(fake, "ready") == ["web-1"] and act(fake, "ready") == []
    assert "unschedulable" not in fake.objects[f"{view.NODES}/web-1"]["spec"]


def test_the_budget_that_blocks_is_named(fake: FakeKubernetes) -> None:
    fake.add("/api/v1/namespaces/a/pods/app", **pod("app", "web-1", owner="ReplicaSet"))
    fake.react = refuse
    with pytest.raises(
        drain.DrainError, match=r"on web-1 there still are a/app \(.*The disruption budget shop needs 3"
    ):
        act(fake, "drained")


def test_a_job_may_end_before_the_deadline(fake: FakeKubernetes) -> None:
    fake.add("/api/v1/namespaces/a/pods/job", **pod("job", "web-1", owner="Job"))
    asked = Drains(fake.api())
    assert asked.left("web-1", 60) == "on web-1 there still are a/job"
    assert not [path for method, path in fake.requests if path.endswith("/eviction")]
    fake.react = refuse
    assert "budget" in str(asked.left("web-1", -1))


def test_a_pod_of_several_budgets_is_named_and_holds_up_no_other(fake: FakeKubernetes) -> None:
    """The API server answers 500 for it."""
    for name in ("app", "both"):
        fake.add(f"/api/v1/namespaces/a/pods/{name}", **pod(name, "web-1", owner="ReplicaSet"))
    why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    fake.react = lambda _method, path, _body: (500, {"message": why}) if path.endswith("both/eviction") else None
    told = Drains(fake.api()).left("web-1", 60)
    assert told and "a/app, a/both (" in told and why in told
    assert "/api/v1/namespaces/a/pods/app/eviction" in [path for _method, path in fake.requests]


def test_an_unknown_host(kubernetes: FakeKubernetes) -> None:
    with pytest.raises(drain.DrainError, match="knows no host node web-1"):
        act(kubernetes, "drained")
