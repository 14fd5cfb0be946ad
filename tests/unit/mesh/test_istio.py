# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of Istio that say what the model says."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import model
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio import objects

from .conftest import HOSTS
from .test_gateways import OUT


def found(mesh: model.Mesh, kind: str, name: str) -> Any:
    """The spec of an object."""
    (one,) = [o for o in objects.objects(mesh) if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    assert one["metadata"]["namespace"] == "shop"
    return one["spec"]


def test_a_service_and_its_instances(mesh: model.Mesh) -> None:
    entry = found(mesh, "ServiceEntry", "orders")
    assert entry["hosts"] == ["orders.shop.mesh"] and entry["workloadSelector"] == {"labels": {"app": "orders"}}
    assert entry["ports"] == [{"number": 8081, "name": "http", "protocol": "HTTP", "targetPort": 8081}]
    workload = found(mesh, "WorkloadEntry", "orders-w2")
    labels = {"app": "orders", "version": "v2"}
    assert workload == {"address": "10.0.0.22", "labels": labels, "serviceAccount": "orders"}


def test_who_may_call(variables: dict[str, Any], mesh: model.Mesh) -> None:
    (rule,) = found(mesh, "AuthorizationPolicy", "orders")["rules"]
    assert rule["from"] == [{"source": {"principals": ["product.mesh/ns/shop/sa/front"]}}]
    assert rule["to"] == [{"operation": {"methods": ["GET", "POST"], "paths": ["/orders*", "/slow", "/alone"]}}]
    assert "rules" not in found(mesh, "AuthorizationPolicy", "front")  # which lets nobody in
    variables["mesh_services"][2]["allow"] = [{"from": "*"}]
    (rule,) = found(model.read(variables, HOSTS, "product"), "AuthorizationPolicy", "stock")["rules"]
    assert rule == {"from": [{"source": {"principals": ["product.mesh/ns/shop/sa/*"]}}]}


def test_plain_text(variables: dict[str, Any], mesh: model.Mesh) -> None:
    assert found(mesh, "PeerAuthentication", "stock")["mtls"] == {"mode": "STRICT"}
    variables["mesh_services"][2]["mode"] = "permissive"
    permissive = model.read(variables, HOSTS, "product")
    assert found(permissive, "PeerAuthentication", "stock")["mtls"] == {"mode": "PERMISSIVE"}


def test_splits_and_what_a_caller_asks_for(mesh: model.Mesh) -> None:
    (route,) = found(mesh, "VirtualService", "orders")["http"]
    assert route["match"] == [{"sourceLabels": {"app": "front"}, "sourceNamespace": "shop"}]
    assert [(to["destination"]["subset"], to["weight"]) for to in route["route"]] == [("v1", 90), ("v2", 10)]
    assert route["timeout"] == "2000ms" and route["retries"]["attempts"] == 2
    policy = found(mesh, "DestinationRule", "front-shop-orders")
    assert policy["workloadSelector"] == {"matchLabels": {"app": "front"}} and policy["exportTo"] == ["."]
    assert policy["trafficPolicy"]["tls"] == {"mode": "ISTIO_MUTUAL"}
    assert policy["trafficPolicy"]["connectionPool"]["http"]["http1MaxPendingRequests"] == 10
    assert policy["trafficPolicy"]["outlierDetection"]["consecutive5xxErrors"] == 3
    assert [subset["name"] for subset in policy["subsets"]] == ["v1", "v2"]


def test_other_protocols_have_routes_without_patience(variables: dict[str, Any]) -> None:
    variables["mesh_services"][2].update(protocol="tcp")
    (route,) = found(model.read(variables, HOSTS, "product"), "VirtualService", "stock")["tcp"]
    assert set(route) == {"match", "route"}


def test_what_lies_outside_and_what_is_missing_is_told(variables: dict[str, Any]) -> None:
    variables["mesh_gateways"] = [OUT]
    mesh = model.read(variables, HOSTS, "product")
    assert found(mesh, "ServiceEntry", "payments")["hosts"] == ["pay.test"]
    assert objects.missing(mesh) == [
        "mesh_services[2]: rate_limit of shop/stock",
        "mesh_gateways[0]: the gateway shop/out",
    ]
