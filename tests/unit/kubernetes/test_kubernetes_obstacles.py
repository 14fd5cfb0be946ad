# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of an upgrade is found before anything is changed, with the objects named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import obstacles
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from fake_kubernetes import FakeKubernetes

FLOW = 'group="flowcontrol.apiserver.k8s.io",removed_release="1.32",resource="flowschemas",subresource="",version="v1beta3"'
LATER = 'group="",removed_release="1.99",resource="endpoints",subresource="",version="v1"'
METRICS = f"""# HELP apiserver_requested_deprecated_apis [STABLE] Gauge of deprecated APIs that have been requested
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{{{FLOW}}} 1
apiserver_requested_deprecated_apis{{{LATER}}} 1
apiserver_requested_deprecated_apis{{group="batch",removed_release="1.25",resource="cronjobs",subresource="",version="v1beta1"}} 0
"""
SCHEMAS = "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas"


@pytest.fixture
def cluster(kubernetes: FakeKubernetes) -> FakeKubernetes:
    """A cluster in which nothing stands in the way."""
    kubernetes.add("/metrics")
    metrics = ["# nothing\n"]
    kubernetes.react = lambda _method, path, _body: (200, metrics[0]) if path == "/metrics" else None
    kubernetes.metrics = metrics  # type: ignore[attr-defined]
    kubernetes.add("/api/v1/nodes/w1", metadata={"labels": {}})
    owned = {"ownerReferences": [{"kind": "ReplicaSet"}]}
    kubernetes.add("/api/v1/namespaces/shop/pods/web-1", metadata=owned, spec={"nodeName": "w1"})
    return kubernetes


def budget(fake: FakeKubernetes, name: str, spec: dict[str, Any], needed: int, pods: int) -> None:
    path = f"/apis/policy/v1/namespaces/shop/poddisruptionbudgets/{name}"
    fake.add(path, spec=spec, status={"expectedPods": pods, "desiredHealthy": needed})


def look(fake: FakeKubernetes, version: str = "1.36.3") -> obstacles.Findings:
    return obstacles.look(fake.api(), ["127.0.0.1"], version)


def test_nothing_stands_in_the_way(cluster: FakeKubernetes) -> None:
    budget(cluster, "web", {"maxUnavailable": 1}, 2, 3)
    budget(cluster, "empty", {"maxUnavailable": 0}, 0, 0)
    assert look(cluster) == obstacles.Findings()


def test_versions_of_the_api_that_go(cluster: FakeKubernetes) -> None:
    cluster.metrics[0] = METRICS  # type: ignore[attr-defined]
    written = {"managedFields": [{"apiVersion": "flowcontrol.apiserver.k8s.io/v1beta3", "manager": "helm"}]}
    cluster.add(f"{SCHEMAS}/mine", metadata=written)
    cluster.add(f"{SCHEMAS}/others", metadata={"managedFields": [{"apiVersion": "flowcontrol.apiserver.k8s.io/v1"}]})
    found = look(cluster)
    assert found.faults == [
        "flowschemas of flowcontrol.apiserver.k8s.io/v1beta3 are written by that version (mine), and Kubernetes 1.32 has that "
        "version no more: use a newer one of its API"
    ]
    assert found.warnings == ["endpoints of v1 are asked for by a client, a version that goes with Kubernetes 1.99"]
    assert look(cluster, "1.31.9").faults == [] and len(look(cluster, "1.31.9").warnings) == 2


@pytest.mark.parametrize(
    ("spec", "needed", "said"),
    [
        ({"maxUnavailable": 0}, 2, "maxUnavailable 0 of 2 pods"),
        ({"minAvailable": "100%"}, 2, "minAvailable 100% of 2 pods"),
        ({"minAvailable": 3}, 3, "minAvailable 3 of 2 pods"),
    ],
)
def test_budgets_that_never_let_a_pod_go(cluster: FakeKubernetes, spec: dict[str, Any], needed: int, said: str) -> None:
    budget(cluster, "web", spec, needed, 2)
    assert look(cluster).faults == [
        f"disruption budget shop/web never lets a pod go ({said}): no drain of its node can end"
    ]


def test_pods_without_a_controller(cluster: FakeKubernetes) -> None:
    for number in range(6):
        cluster.add(f"/api/v1/namespaces/shop/pods/lone-{number}", spec={"nodeName": "w1"})
    assert look(cluster).warnings == [
        "pods without a controller stay on their nodes meanwhile: shop/lone-0, shop/lone-1, shop/lone-2, shop/lone-3, "
        "shop/lone-4 and 1 more"
    ]


def test_the_module_refuses(
    cluster: FakeKubernetes,
    run: Callable[..., dict[str, Any]],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Api, "from_env", lambda _cluster: cluster.api())
    given = {"cluster": "product", "managers": ["127.0.0.1"], "version": "1.36.3"}
    assert "msg" not in run("kubernetes_upgrade_checks", **given)
    budget(cluster, "web", {"maxUnavailable": 0}, 2, 2)
    answer = run("kubernetes_upgrade_checks", **given)
    assert answer["msg"].startswith("Not upgraded to 1.36.3, and nothing was changed: disruption budget shop/web")
