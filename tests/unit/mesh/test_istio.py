# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of Istio that say what the model says, what of it Istio does not do, and what hosts are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import inventory, model
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio import control_plane, hosts, objects, refused

from .conftest import HOSTS
from .test_gateways import OUT

SETTINGS = hosts.Settings(15400, 2, {"": "v1-31", "pay": "v1-32"})
REVISION = control_plane.Revision("v1-31", "docker.io/istio/pilot:1", "docker.io/istio/proxyv2:1")


@pytest.fixture
def variables(variables: dict[str, Any]) -> dict[str, Any]:
    """Those of the example without what Istio refuses, and with front in pods."""
    front, orders, stock = variables["mesh_services"]
    front["runs"] = [{"workload": "front"}]
    del front["run_as"], front["metrics_port"], orders["health"], stock["rate_limit"]
    return variables


@pytest.fixture
def mesh(variables: dict[str, Any]) -> model.Mesh:
    """The mesh of it."""
    return model.read(variables, HOSTS, "product")


def found(mesh: model.Mesh, kind: str, name: str) -> Any:
    """The spec of an object."""
    (one,) = [o for o in objects.objects(mesh) if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    assert one["metadata"]["namespace"] == "shop"
    return one["spec"]


def test_a_service_and_its_instances_on_hosts(mesh: model.Mesh) -> None:
    entry = found(mesh, "ServiceEntry", "orders")
    assert entry["hosts"] == ["orders.shop.mesh"] and entry["workloadSelector"] == {"labels": {"app": "orders"}}
    # Its own port, and the one at which its caller has it: a sidecar takes a listener for a service by its port.
    assert [(port["number"], port["protocol"], port["targetPort"]) for port in entry["ports"]] == [
        (8081, "HTTP", 8081),
        (18081, "HTTP", 8081),
    ]
    workload = found(mesh, "WorkloadEntry", "orders-w2")
    labels = {"app": "orders", "version": "v2"}
    assert workload == {"address": "10.0.0.22", "labels": labels, "serviceAccount": "orders"}


def test_a_service_in_pods_has_no_entry_of_a_host_and_is_closed_but_for_its_sidecar(mesh: model.Mesh) -> None:
    assert not [o for o in objects.objects(mesh) if o["metadata"]["name"].startswith("front-w")]
    policy = found(mesh, "NetworkPolicy", "mesh-front")
    assert policy["podSelector"] == {"matchLabels": {"app": "front"}} and policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8080}]}]


def test_a_sidecar_listens_where_the_model_says(mesh: model.Mesh) -> None:
    sidecar = found(mesh, "Sidecar", "orders")
    assert sidecar["ingress"] == [
        {
            "port": {"number": 8081, "name": "http-8081", "protocol": "HTTP"},
            "captureMode": "NONE",
            "defaultEndpoint": "127.0.0.1:8081",
        }
    ]
    (egress,) = sidecar["egress"]
    assert (egress["port"]["number"], egress["bind"], egress["hosts"]) == (18082, "127.0.0.1", ["shop/stock.shop.mesh"])
    assert found(mesh, "Sidecar", "stock")["egress"] == [{"hosts": ["~/*"]}]  # which reaches nothing


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
    for service in variables["mesh_services"]:
        service["mode"] = "permissive"
    permissive = model.read(variables, HOSTS, "product")
    assert found(permissive, "PeerAuthentication", "stock")["mtls"] == {"mode": "PERMISSIVE"}
    # Rules are for those who have an identity.
    assert found(permissive, "AuthorizationPolicy", "stock")["rules"][-1] == {
        "from": [{"source": {"notPrincipals": ["*"]}}]
    }
    assert not [o for o in objects.objects(permissive) if o["kind"] == "NetworkPolicy"]


def test_splits_and_what_a_caller_asks_for(mesh: model.Mesh) -> None:
    service = found(mesh, "VirtualService", "orders")
    assert service["hosts"] == ["orders.shop.mesh", "127.0.0.1"]  # which the caller calls
    (route,) = service["http"]
    assert route["match"] == [{"sourceLabels": {"app": "front"}, "sourceNamespace": "shop"}]
    assert [(to["destination"]["subset"], to["weight"]) for to in route["route"]] == [("v1", 90), ("v2", 10)]
    assert route["timeout"] == "2000ms" and route["retries"]["attempts"] == 2
    policy = found(mesh, "DestinationRule", "front-shop-orders")
    assert policy["workloadSelector"] == {"matchLabels": {"app": "front"}} and policy["exportTo"] == ["."]
    assert policy["trafficPolicy"]["tls"] == {"mode": "ISTIO_MUTUAL"}
    assert policy["trafficPolicy"]["connectionPool"]["http"]["http1MaxPendingRequests"] == 10
    assert policy["trafficPolicy"]["outlierDetection"]["consecutive5xxErrors"] == 3
    assert policy["trafficPolicy"]["retryBudget"] == {"percent": 20.0, "minRetryConcurrency": 3}
    assert [subset["name"] for subset in policy["subsets"]] == ["v1", "v2"]


def test_other_protocols_have_routes_without_patience(variables: dict[str, Any]) -> None:
    variables["mesh_services"][2].update(protocol="tcp")
    service = found(model.read(variables, HOSTS, "product"), "VirtualService", "stock")
    assert set(service["tcp"][0]) == {"match", "route"} and service["hosts"] == ["stock.shop.mesh"]


def told(variables: dict[str, Any]) -> list[str]:
    """What of the variables Istio does not do."""
    return [str(fault) for fault in refused.refused(model.read(variables, HOSTS, "product"))]


@pytest.mark.parametrize(
    ("number", "given", "message"),
    [
        (2, {"rate_limit": {"requests": 1, "seconds": 1}}, "mesh_istio has no rate limit; remove rate_limit of shop/stock"),
        (2, {"health": {"path": "/"}}, "remove health of shop/stock, and give callers ejection instead"),
        (2, {"runs": [{"hosts": ["w1"], "job": "stock"}]}, "shop/stock runs as a job of Nomad"),
        (1, {"splits": [{"subset": "v1", "weight": 0.5}, {"subset": "v2", "weight": 99.5}]}, "round the splits of shop/orders"),
        (0, {"isolated": True}, "remove isolated of shop/front"),
        (0, {"metrics_port": 9080}, "remove metrics_port of shop/front"),
        (0, {"port": 80}, "listens on no port below 1024; change 80 of shop/front"),
        (2, {"protocol": "tcp"}, "shop/stock speaks tcp, whose calls are not repeated; remove attempts of retries"),
    ],
)  # fmt: skip
def test_what_istio_does_not_do_is_refused_by_name(
    variables: dict[str, Any], number: int, given: dict[str, Any], message: str
) -> None:
    assert told(variables) == []
    variables["mesh_services"][1]["upstreams"][0]["retries"] = {"attempts": 1}
    variables["mesh_services"][number].update(given)
    (fault,) = told(variables)
    assert message in fault


def test_gateways_and_traces_are_refused(variables: dict[str, Any]) -> None:
    variables["mesh_gateways"] = [OUT]
    variables["mesh_telemetry"] = {"traces": {"collector": "w1:4318"}}
    assert [fault.partition(": ")[0] for fault in told(variables)] == ["mesh_gateways[0]", "mesh_telemetry"]


def test_each_provider_says_what_it_does_not_do(variables: dict[str, Any]) -> None:
    mesh = model.read(variables, HOSTS, "product")
    assert [str(fault) for fault in inventory.in_pods(mesh)] == [
        "mesh_services[0]: shop/front runs in pods, beside which this provider has no sidecars; let hosts run it, or choose "
        "one that has"
    ]
    assert not list(refused.refused(mesh))
    with pytest.raises(components.ComponentError, match="runs on kubernetes, not on nomad"):
        components.load("mesh_istio", "nomad")


def test_a_service_of_hosts_needs_an_account(variables: dict[str, Any]) -> None:
    del variables["mesh_services"][2]["run_as"]
    with pytest.raises(model.MeshError, match="shop/stock runs on hosts; give it run_as, the account that does"):
        inventory.check(model.read(variables, HOSTS, "product"))


@pytest.mark.parametrize(
    "run", [{}, {"workload": "a", "hosts": ["w1"]}, {"workload": "a", "unit": "a.service"}, {"hosts": ["w1"], "unit": "a.service", "job": "a"}]
)  # fmt: skip
def test_a_run_is_on_hosts_or_in_pods(variables: dict[str, Any], run: dict[str, Any]) -> None:
    variables["mesh_services"][2]["runs"] = [run]
    with pytest.raises(model.MeshError, match="a run has either hosts"):
        model.read(variables, HOSTS, "product")


# --- the control plane ----------------------------------------------------------------------------------------------
def plane(mesh: model.Mesh) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects of one revision by kind and name."""
    settings = control_plane.Settings(2, "system-cluster-critical", {"limits": {"memory": "1Gi"}}, {})
    entries = [*control_plane.shared(mesh), *control_plane.revision(REVISION, mesh, settings)]
    return {(entry["kind"], entry["metadata"]["name"]): entry for entry in entries}


def test_the_control_plane_is_spread_and_has_no_port_in_plain_text(mesh: model.Mesh) -> None:
    there = plane(mesh)
    spec = there["Deployment", "istiod-v1-31"]["spec"]
    pod = spec["template"]["spec"]
    (spread,) = pod["topologySpreadConstraints"]
    assert (spec["replicas"], spread["minDomains"], spread["whenUnsatisfiable"]) == (2, 2, "DoNotSchedule")
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert pod["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
    assert there["PodDisruptionBudget", "istiod-v1-31"]["spec"]["maxUnavailable"] == 1
    (container,) = pod["containers"]
    assert "--grpcAddr=" in container["args"] and container["resources"] == {"limits": {"memory": "1Gi"}}
    env = {one["name"]: one.get("value") for one in container["env"]}
    assert env["ENABLE_DEBUG_ON_HTTP"] == "false" and env["PILOT_ENABLE_ALPN_FILTER"] == "false"
    ports = there["NetworkPolicy", "istiod"]["spec"]["ingress"][0]["ports"]
    assert [port["port"] for port in ports] == [15012, 15017]


def test_pods_need_no_right_and_whoever_is_not_described_is_let_in_nowhere(mesh: model.Mesh) -> None:
    there = plane(mesh)
    config = json.loads(there["ConfigMap", "istio-v1-31"]["data"]["mesh"])
    assert config["defaultConfig"]["interceptionMode"] == "NONE" and config["trustDomain"] == "product.mesh"
    assert there["AuthorizationPolicy", "default"]["spec"] == {}
    assert there["PeerAuthentication", "default"]["spec"] == {"mtls": {"mode": "STRICT"}}
    values = json.loads(there["ConfigMap", "istio-sidecar-injector-v1-31"]["data"]["values"])
    assert values["global"]["proxy"]["image"] == "docker.io/istio/proxyv2:1"
    (hook,) = there["MutatingWebhookConfiguration", "istio-sidecar-injector-v1-31"]["webhooks"]
    assert hook["namespaceSelector"]["matchExpressions"][0]["values"] == ["v1-31"]


def test_the_access_log_is_as_the_model_says(variables: dict[str, Any]) -> None:
    for choice, expected in (("all", None), ("errors", "response.code >= 400 || response.code == 0")):
        variables["mesh_telemetry"] = {"access_log": choice}
        (log,) = plane(model.read(variables, HOSTS, "product"))["Telemetry", "default"]["spec"]["accessLogging"]
        assert log.get("filter", {}).get("expression") == expected
    variables["mesh_telemetry"] = {"access_log": "none"}
    assert ("Telemetry", "default") not in plane(model.read(variables, HOSTS, "product"))


# --- hosts ----------------------------------------------------------------------------------------------------------
def test_a_host_s_sidecars_have_ports_of_their_own(mesh: model.Mesh) -> None:
    own = hosts.ports(mesh, "w2", 15400)
    assert own["shop_orders"] == hosts.Ports(15400, 15401, 15402, 15403)
    assert own["shop_stock"] == hosts.Ports(15404, 15405, 15406, 15407)
    table = hosts.rules(mesh, "w2", 15400)
    rule = 'oifname "lo" tcp dport 15402 meta skuid != "root" meta skuid != "mesh_shop_orders" reject with tcp reset'
    assert rule in table and 'iifname != "lo" tcp dport 15402 reject' in table and "inet keelson_mesh" in table
    assert 'ip daddr 127.0.0.0/8 tcp dport 18082 meta skuid != "orders" reject' in table


def test_what_an_agent_is_told(mesh: model.Mesh) -> None:
    text = hosts.sidecars(mesh, "w2", SETTINGS)["shop_orders"]["environment"]
    told = dict(line.split("=", 1) for line in text.splitlines())
    assert told["INSTANCE_IP"] == "'10.0.0.22'" and told["SERVICE_ACCOUNT"] == "'orders'"
    assert told["CA_ADDR"] == "'istiod-v1-31.istio-system.svc:15012'"
    assert json.loads(told["ISTIO_METAJSON_LABELS"].strip("'")) == {
        "app": "orders",
        "version": "v2",
        "istio.io/test-vm": "true",
    }
    proxy = json.loads(told["PROXY_CONFIG"].strip("'"))
    assert (proxy["interceptionMode"], proxy["proxyAdminPort"], proxy["statusPort"]) == ("NONE", 15400, 15401)
    assert SETTINGS.revision("pay") == "v1-32"


def test_the_issuer_gives_a_host_the_identities_of_its_services_alone(mesh: model.Mesh) -> None:
    known = hosts.issued(mesh, "system:node:", ["v1-31"])
    assert known["hosts"]["w1"]["identities"] == ["spiffe://product.mesh/ns/shop/sa/orders"]
    assert known["pods"] == [{"key": "shop/front", "labels": {"app": "front"}}]


def test_sidecars_ask_the_cluster_s_own_dns() -> None:
    assert "nameserver 10.96.0.10\n" in hosts.resolver("10.96.0.0/16,fd10:96::/112")


def test_files_of_a_host_are_below_what_the_component_owns(mesh: model.Mesh) -> None:
    owned = components.load("mesh_istio", "kubernetes").parts["node"].owned
    paths = [entry["path"] for entry in hosts.files({}, "", "")]
    assert all(path.startswith(owned.trees) for path in paths) and set(owned.trees) == {places.CONFIG, places.STATE}
