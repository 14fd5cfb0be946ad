# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of teams: applied, found unchanged, changed, pruned, and refused before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.tenancy import TenancyError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import tenancy
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.tenancy import ensure
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster, Host
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.tenancy import tenants
from fake_kubernetes import FakeKubernetes

SHOP: dict[str, Any] = {
    "name": "shop",
    "labels": {"cost": "12"},
    "pod_security": "restricted",
    "quota": {"pods": 40},
    "limits": {"default_request": {"cpu": "50m"}, "max": None},
    "default_deny": True,
    "deploy": "shop-test",
    "teams": [{"name": "oidc:devs", "role": "edit"}, {"name": "a/b", "role": "view"}],
}
BASE = "/api/v1/namespaces/shop"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings"
DENY = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/default-deny"
ALL = {BASE, f"{BASE}/resourcequotas/quota", f"{BASE}/limitranges/limits", DENY}
ALL |= {f"{BASE}/serviceaccounts/keelson-deploy", f"{RBAC}/keelson-deploy"}
ALL |= {f"{RBAC}/oidc:devs-edit", f"{RBAC}/a-b-view"}


def writes(kubernetes: FakeKubernetes) -> list[str]:
    """What was asked to change for good."""
    return [path for method, path in kubernetes.requests if method != "GET" and "dryRun" not in path]


def test_a_namespace_with_all_that_lies_in_it(kubernetes: FakeKubernetes) -> None:
    outcome = ensure(kubernetes.api(), [SHOP], predict=False)
    assert set(kubernetes.objects) == ALL and {change.split()[0] for change in outcome.changes} == {"create"}
    labels = kubernetes.objects[BASE]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted" and labels["cost"] == "12"
    assert kubernetes.objects[f"{BASE}/resourcequotas/quota"]["spec"] == {"hard": {"pods": "40"}}
    [limits] = kubernetes.objects[f"{BASE}/limitranges/limits"]["spec"]["limits"]
    assert limits == {"type": "Container", "defaultRequest": {"cpu": "50m"}}
    policy = kubernetes.objects[DENY]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and policy["ingress"] == []
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53}
    binding = kubernetes.objects[f"{RBAC}/oidc:devs-edit"]
    assert binding["subjects"][0]["name"] == "oidc:devs" and binding["roleRef"]["name"] == "edit"
    subject = {"kind": "ServiceAccount", "name": "keelson-deploy", "namespace": "shop"}
    assert kubernetes.objects[f"{RBAC}/keelson-deploy"]["subjects"] == [subject]
    assert set(outcome.after) == ALL and outcome.before[BASE] == {}


def test_a_second_run_changes_nothing(kubernetes: FakeKubernetes) -> None:
    ensure(kubernetes.api(), [SHOP], predict=False)
    kubernetes.objects[BASE]["status"] = {"phase": "Active"}
    kubernetes.objects[BASE]["metadata"]["resourceVersion"] = "7"
    kubernetes.requests.clear()
    assert ensure(kubernetes.api(), [SHOP], predict=False).changes == [] and writes(kubernetes) == []


def test_prediction_changes_nothing_and_says_all(kubernetes: FakeKubernetes) -> None:
    predicted = ensure(kubernetes.api(), [SHOP], predict=True).changes
    assert kubernetes.objects == {} and writes(kubernetes) == []
    assert predicted == ensure(kubernetes.api(), [SHOP], predict=False).changes
    changed = [{**SHOP, "quota": {"pods": 50}, "teams": []}]
    predicted = ensure(kubernetes.api(), changed, predict=True).changes
    assert set(kubernetes.objects) == ALL
    assert predicted == ensure(kubernetes.api(), changed, predict=False).changes
    assert predicted[0] == f"change {BASE}/resourcequotas/quota"


def test_what_is_no_longer_asked_for_is_pruned(kubernetes: FakeKubernetes) -> None:
    api = kubernetes.api()
    ensure(api, [SHOP, {"name": "old"}], predict=False)
    kubernetes.add("/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/theirs")
    kubernetes.add("/api/v1/namespaces/theirs")
    outcome = ensure(api, [{"name": "shop", "default_deny": False}], predict=False)
    left = {path for path in kubernetes.objects if "/shop" in path or "/old" in path}
    assert left == {BASE, "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/theirs"}
    assert "/api/v1/namespaces/theirs" in kubernetes.objects
    assert "delete /api/v1/namespaces/old" in outcome.changes and outcome.before[DENY]["spec"]


def test_what_others_wrote_into_the_default_deny_is_taken_back(kubernetes: FakeKubernetes) -> None:
    """Who deploys in a namespace may write its network policies."""
    ensure(kubernetes.api(), [SHOP], predict=False)
    before = kubernetes.objects[DENY]["spec"]
    kubernetes.objects[DENY]["spec"] = {**before, "ingress": [{}], "egress": [{}]}
    assert ensure(kubernetes.api(), [SHOP], predict=False).changes == [f"change {DENY}"]
    assert kubernetes.objects[DENY]["spec"] == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/old/pods/a",
        "/apis/apps/v1/namespaces/old/statefulsets/b",
        "/apis/batch/v1/namespaces/old/jobs/c",
    ],
)
def test_a_namespace_in_use_is_not_deleted(kubernetes: FakeKubernetes, path: str) -> None:
    api = kubernetes.api()
    ensure(api, [{"name": "old"}], predict=False)
    kubernetes.add(path)
    kubernetes.requests.clear()
    with pytest.raises(
        TenancyError, match=r"namespace old is not in cluster_namespaces any more, but still holds 1 \w+:"
    ):
        ensure(api, [SHOP], predict=False)
    assert writes(kubernetes) == [] and BASE not in kubernetes.objects


def test_a_namespace_that_ends_already_is_left_alone(kubernetes: FakeKubernetes) -> None:
    meta = {"labels": dict(tenancy.OURS), "deletionTimestamp": "2026-11-22T10:00:00Z"}
    kubernetes.add("/api/v1/namespaces/old", metadata=meta)
    assert ensure(kubernetes.api(), [], predict=False).changes == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["Shop"], r"cluster_namespaces\[0\]: 'Shop' is no name; use up to 63"),
        (["a" * 64], "is no name"),
        (["-a"], "is no name"),
        (["shop", "shop"], r"cluster_namespaces\[1\]: shop is listed twice"),
        (["kube-system"], "belongs to Kubernetes"),
        (["default"], "belongs to Kubernetes"),
        (["keelson-verify"], "belongs to Kubernetes or to this collection"),
    ],
)
def test_names_that_cannot_be(kubernetes: FakeKubernetes, names: list[str], words: str) -> None:
    with pytest.raises(TenancyError, match=words):
        ensure(kubernetes.api(), [{"name": name} for name in names], predict=False)
    assert kubernetes.requests == []


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([{"name": "shop"}], []),
        (
            [{"name": "kube-a"}],
            [("cluster_namespaces[0]: kube-a belongs to Kubernetes or to this collection", "choose another name")],
        ),
        ([{"name": 7}, "shop", {}], []),
        (None, []),
    ],
)
def test_preflight_tells_it_before_anything_is_installed(listed: Any, found: list[tuple[str, str]]) -> None:
    variables = {"cluster_namespaces": listed}
    host = Host("m1", "product", "manager", "10.0.0.1", "10.0.0.1:22", variables=variables)
    cluster = Cluster("product", components.load("kubernetes"), {}, (host,))
    assert [(fault.text, fault.remedy) for fault in tenants(tenancy.validate)(cluster)] == found


def test_pods_of_a_namespace_with_a_pool_are_kept_in_it(kubernetes: FakeKubernetes) -> None:
    pooled = {"name": "pay", "labels": {"keelson.cluster/pool": "payments"}}
    prefix = "/apis/admissionregistration.k8s.io/v1"
    kept = {f"{prefix}/validatingadmissionpolic{end}/keelson-pools" for end in ("ies", "ybindings")}
    ensure(kubernetes.api(), [pooled], predict=False)
    assert kept <= set(kubernetes.objects)
    spec = kubernetes.objects[f"{prefix}/validatingadmissionpolicies/keelson-pools"]["spec"]
    assert spec["failurePolicy"] == "Fail" and len(spec["validations"]) == 4
    assert "priorityClassName.startsWith('system-')" in spec["validations"][3]["expression"]
    assert ensure(kubernetes.api(), [pooled], predict=False).changes == []
    changes = ensure(kubernetes.api(), [{"name": "pay"}], predict=False).changes
    assert not kept & set(kubernetes.objects) and len(changes) >= 2
