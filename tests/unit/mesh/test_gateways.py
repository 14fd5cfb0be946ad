# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways into the mesh and out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import (
    allowed,
    checks,
    known,
    renew,
    sidecars,
    status,
    validate,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import Identity
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import boundary, model, owner_rules, rules
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import envoy, gateways, hosts

from .conftest import HOSTS

EDGE: dict[str, Any] = {
    "name": "edge",
    "tenant": "shop",
    "hosts": ["w1"],
    "port": 8443,
    "rate_limit": {"requests": 50, "seconds": 1},
    "retries": {"attempts": 1},
    "routes": [
        {"host": "shop.test", "path": "/orders", "service": "orders", "timeout": 3},
        {"host": "shop.test", "path": "/orders/stock/", "service": "stock"},
        {"service": "stock"},
    ],
}
OUT: dict[str, Any] = {
    "name": "out",
    "tenant": "shop",
    "hosts": ["w2"],
    "port": 15443,
    "destinations": [
        {
            "name": "payments",
            "host": "pay.test",
            "port": 8444,
            "ca": "/etc/ssl/pay.pem",
            "allow": [{"from": "orders", "methods": ["POST"]}],
        },
        {"name": "mail", "host": "10.9.9.9", "port": 25, "protocol": "tcp", "tls": False, "allow": [{"from": "*"}]},
        {"name": "time", "host": "10.9.9.8"},
    ],
}


@pytest.fixture
def both(variables: dict[str, Any]) -> dict[str, Any]:
    """The example's variables with a gateway of each kind; orders calls payments."""
    for number in (1, 2):
        variables["mesh_services"][number]["allow"].append({"from": "edge"})
    variables["mesh_services"][1]["upstreams"] += [{"name": "payments", "bind": 18090}, {"name": "mail", "bind": 18025}]
    return {**variables, "mesh_gateways": json.loads(json.dumps([EDGE, OUT]))}


@pytest.fixture
def mesh(both: dict[str, Any]) -> model.Mesh:
    """The mesh with both gateways."""
    return rules.check(model.read(both, HOSTS, "product"))


def files(mesh: model.Mesh, key: str, host: str) -> dict[str, Any]:
    """The files of a gateway."""
    return gateways.gateway(mesh, mesh.gateways[key], host)


def one(found: dict[str, Any], file: str, name: str = "") -> Any:
    """A resource of a file, the first unless named."""
    return next(r for r in found[file]["resources"] if not name or r["name"] == name)


# --- the model --------------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any], dict[str, Any]], Any]
WRONG: list[tuple[Change, str]] = [
    (lambda edge, out: edge.pop("routes"), "mesh_gateways[0]: a gateway has either routes (into the mesh) or dest"),
    (lambda edge, out: edge.update(destinations=out["destinations"]), "mesh_gateways[0]: a gateway has either routes"),
    (lambda edge, out: out.update(retries={}), "mesh_gateways[1]: 'routes' is a dependency of 'retries'"),
    (lambda edge, out: edge["routes"][0].update(path="/a*"), "mesh_gateways[0].routes[0].path: '/a*' does not match"),
    (lambda edge, out: edge["routes"][0].update(service="billing"), "mesh_gateways[0].routes[0]: nobody provides shop"),
    (lambda edge, out: edge["routes"][0].update(service="mail"), "routes[0]: shop/mail is outside the mesh"),
    (
        lambda edge, out: edge["routes"].append({"service": "orders"}),
        "routes[3]: shop/stock has the calls for */ already",
    ),
    (
        lambda edge, out: edge.update(port=8081),
        "would have port 8081 of the host's address on w1, as the sidecar of shop",
    ),
    (lambda edge, out: edge.update(hosts=["w9"]), "mesh_gateways[0]: shop/edge runs on w9, which is no host node"),
    (lambda edge, out: edge.update(name="orders"), "mesh_gateways[0]: shop/orders is described twice"),
    (lambda edge, out: out["destinations"][0].update(name="stock"), "destinations[0]: shop/stock is described twice"),
    (
        lambda edge, out: out["destinations"][0]["allow"][0].update({"from": "order"}),
        "mesh_gateways[1].destinations[0].allow[0]: no service is called shop/order",
    ),
    (
        lambda edge, out: out["destinations"][1]["allow"][0].update(methods=["GET"]),
        "destinations[1].allow[0]: shop/mail speaks tcp, which has no methods and paths",
    ),
    (
        lambda edge, out: out["destinations"][0]["allow"][0].update({"from": "out"}),
        "no service is called shop/out",
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[message[:50] for _change, message in WRONG])
def test_a_fault_is_told_with_its_place(both: dict[str, Any], change: Change, message: str) -> None:
    change(*both["mesh_gateways"])
    with pytest.raises(model.MeshError) as error:
        rules.check(model.read(both, HOSTS, "product"))
    assert message in str(error.value)


def test_a_route_to_what_speaks_no_http(both: dict[str, Any]) -> None:
    both["mesh_services"][2]["protocol"] = "tcp"
    with pytest.raises(
        model.MeshError, match=r"routes\[1\]: shop/stock speaks tcp; a gateway carries http, http2, grpc"
    ):
        rules.check(model.read(both, HOSTS, "product"))


def test_gateways_are_on_both_sides_of_rules(both: dict[str, Any], mesh: model.Mesh) -> None:
    texts = [finding.text for finding in boundary.compare(mesh, {"all": "10.0.0.0/24"})]
    assert texts == []
    both["mesh_services"][2]["allow"].pop()
    both["mesh_gateways"][1]["destinations"][0]["allow"][0]["from"] = "front"
    mesh = model.read(both, HOSTS, "product")
    texts = [finding.text for finding in boundary.compare(mesh, {})]
    assert "shop/edge calls shop/stock, which has no allow rule for it: every call is refused" in texts
    assert "shop/orders calls shop/payments, which has no allow rule for it: every call is refused" in texts
    assert "shop/payments allows shop/front, which has no upstream that leads to it" in texts


# --- into the mesh ----------------------------------------------------------------------------------------------------


def test_an_ingress_shows_a_certificate_and_asks_for_none(mesh: model.Mesh) -> None:
    found = files(mesh, "shop/edge", "w1")
    listener = one(found, "lds.json")
    assert listener["address"] == {"socket_address": {"address": "10.0.0.21", "port_value": 8443}}
    context = listener["filter_chains"][0]["transport_socket"]["typed_config"]
    assert context["require_client_certificate"] is False
    (shown,) = context["common_tls_context"]["tls_certificate_sds_secret_configs"]
    path = shown["sds_config"]["path_config_source"]["path"]
    assert path == "/var/lib/keelson-mesh/shop_edge/outside.json"
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    # What a client writes of itself never arrives.
    assert manager["use_remote_address"] and manager["forward_client_cert_details"] == "SANITIZE"
    assert manager["normalize_path"] and manager["access_log"][0]["typed_config"]["log_format"]["json_format"][
        "side"
    ] == ("ingress")


def test_routes_lead_by_host_and_the_longest_path(mesh: model.Mesh) -> None:
    shop, rest = one(files(mesh, "shop/edge", "w1"), "rds_ingress.json")["virtual_hosts"]
    assert (shop["domains"], rest["domains"]) == (["shop.test"], ["*"])
    assert [route["match"] for route in shop["routes"]] == [
        {"prefix": "/orders/stock/"},
        {"path_separated_prefix": "/orders"},  # not /ordersx
    ]
    orders = shop["routes"][1]["route"]
    assert orders["weighted_clusters"]["clusters"][0] == {"name": "shop/orders:v1", "weight": 9000}
    assert orders["timeout"] == "3s" and orders["retry_policy"]["num_retries"] == 1
    assert shop["typed_per_filter_config"][envoy.RATE]["token_bucket"]["max_tokens"] == 50


def test_an_ingress_calls_with_its_own_identity(mesh: model.Mesh) -> None:
    cluster = one(files(mesh, "shop/edge", "w1"), "cds.json", "shop/orders:v2")
    context = cluster["transport_socket"]["typed_config"]["common_tls_context"]
    secret = context["tls_certificate_sds_secret_configs"][0]["sds_config"]["path_config_source"]["path"]
    assert secret == "/var/lib/keelson-mesh/shop_edge/identity.json"
    issued = hosts.issued(mesh, "")["hosts"]
    assert "spiffe://product.mesh/ns/shop/svc/edge" in issued["w1"]["identities"]
    assert "spiffe://product.mesh/ns/shop/svc/edge" not in issued["w2"]["identities"]


# --- out of the mesh --------------------------------------------------------------------------------------------------


def test_only_listed_names_lead_outside(mesh: model.Mesh) -> None:
    found = files(mesh, "shop/out", "w2")
    chains = one(found, "lds.json")["filter_chains"]
    assert [chain["filter_chain_match"]["server_names"] for chain in chains] == [
        ["payments.shop"],
        ["mail.shop"],
        ["time.shop"],
    ]
    assert all(c["transport_socket"]["typed_config"]["require_client_certificate"] is True for c in chains)
    assert [filter["name"] for filter in chains[1]["filters"]] == ["rbac", "tcp"]


def test_each_destination_has_its_own_rules(mesh: model.Mesh) -> None:
    found = files(mesh, "shop/out", "w2")
    (host,) = one(found, "rds_shop_payments.json")["virtual_hosts"]
    (policy,) = host["typed_per_filter_config"][envoy.RBAC]["rbac"]["rules"]["policies"].values()
    assert policy["principals"] == [
        {"authenticated": {"principal_name": {"exact": "spiffe://product.mesh/ns/shop/svc/orders"}}}
    ]
    (nobody,) = one(found, "rds_shop_time.json")["virtual_hosts"]
    assert nobody["typed_per_filter_config"][envoy.RBAC]["rbac"]["rules"] == {"action": "ALLOW"}
    assert host["routes"][0]["route"]["host_rewrite_literal"] == "pay.test:8444"


def test_a_destination_must_have_a_certificate_for_its_name(mesh: model.Mesh) -> None:
    found = files(mesh, "shop/out", "w2")
    context = one(found, "cds.json", "shop/payments")["transport_socket"]["typed_config"]
    assert context["sni"] == "pay.test"
    assert context["common_tls_context"]["validation_context"] == {
        "trusted_ca": {"filename": "/etc/ssl/pay.pem"},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "pay.test"}}],
    }
    time = one(found, "cds.json", "shop/time")["transport_socket"]["typed_config"]
    assert "sni" not in time and "IP_ADDRESS" in json.dumps(time) and known.PUBLIC_CA in json.dumps(time)
    assert "transport_socket" not in one(found, "cds.json", "shop/mail")


def test_a_destination_is_an_upstream_at_the_gateway(mesh: model.Mesh) -> None:
    found = hosts.sidecars(mesh, "w1")["shop_orders"]
    cluster = one(found, "cds.json", "shop/payments")
    context = cluster["transport_socket"]["typed_config"]
    assert context["sni"] == "payments.shop"
    assert "spiffe://product.mesh/ns/shop/svc/out" in json.dumps(context)
    endpoints = one(found, "eds_shop_payments.json")["endpoints"][0]["lb_endpoints"]
    address = {"address": "10.0.0.22", "port_value": 15443}
    assert [e["endpoint"]["address"]["socket_address"] for e in endpoints] == [address]


def test_an_isolated_service_reaches_its_upstreams_alone(both: dict[str, Any]) -> None:
    both["mesh_services"][1]["isolated"] = True
    found = owner_rules.owner_rules(model.read(both, HOSTS, "product"), "w1")
    assert 'oifname != "lo" meta skuid "orders" ct state new reject' in found
    assert 'meta skuid "front" ct' not in found


# --- on the host ------------------------------------------------------------------------------------------------------


def test_validation_reads_gateways_too(mesh: model.Mesh) -> None:
    for key, host, part in (("shop/edge", "w1", "path_separated_prefix"), ("shop/out", "w2", "pay.test:8444")):
        whole = json.dumps(validate.static(files(mesh, key, host)))
        assert part in whole and "path_config_source" not in whole and "sds" not in whole


def described(mesh: model.Mesh, host: str) -> list[dict[str, Any]]:
    """What programs of a host read of its gateways."""
    found = hosts.describe(mesh, host, "product", ["10.0.0.11"], Identity("/ca", "/cert", "/key"))
    return [entry for entry in found["sidecars"] if entry["kind"] != "service"]


def test_what_an_ingress_shows_is_the_sites_or_the_hosts(both: dict[str, Any], mesh: model.Mesh) -> None:
    (edge,) = described(mesh, "w1")
    assert edge["kind"] == "ingress" and edge["outside"] == {"chain": "/cert", "key": "/key"}
    both["mesh_gateways"][0]["certificate"] = {"chain": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"}
    (edge,) = described(model.read(both, HOSTS, "product"), "w1")
    assert edge["outside"]["chain"] == "/etc/ssl/a.pem"
    assert [entry["kind"] for entry in described(mesh, "w2")] == ["egress"]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A gateway whose certificate is in a file."""
    monkeypatch.setattr(places, "STATE", str(tmp_path))
    monkeypatch.setattr(places, "account", lambda _name: "root")
    (tmp_path / "shop_edge").mkdir()
    authority = pki.make_ca("x", path_length=0)
    pair = pki.issue(authority, pki.sort_names("shop.test", ["shop.test"]), 30)
    (tmp_path / "chain").write_text(pair.certificate)
    (tmp_path / "key").write_text(pair.key)
    (tmp_path / "other").write_text(authority.key)
    outside = {"chain": str(tmp_path / "chain"), "key": str(tmp_path / "key")}
    return {"kind": "ingress", "id": "shop_edge", "key": "shop/edge", "outside": outside}


def test_a_gateway_gets_what_it_shows(shown: dict[str, Any]) -> None:
    assert renew.show(shown) == ""
    end = renew.kept("shop_edge", "outside").end
    assert checks.shown(end, end - 30 * 86400).passed and not checks.shown(end, end - 6 * 86400).passed
    assert not checks.shown(0, 0).passed


@pytest.mark.parametrize("key", ["nothing", "other"])
def test_a_certificate_that_cannot_be_used_is_told(shown: dict[str, Any], key: str, tmp_path: Path) -> None:
    shown["outside"]["key"] = str(tmp_path / key)
    fault = renew.show(shown)
    assert fault.startswith("the certificate of the gateway shop/edge (") and "cannot be used" in fault
    assert renew.kept("shop_edge", "outside").end == 0


def test_without_a_certificate_to_show_no_gateway_starts(
    shown: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown["outside"]["key"] = str(tmp_path / "nothing")
    monkeypatch.setattr(places, "host", lambda: {"sidecars": [shown]})
    monkeypatch.setattr(renew, "renew", lambda given: (_ for _ in ()).throw(OSError(renew.show(given["sidecars"][0]))))
    with pytest.raises(sidecars.SidecarError, match="the certificate of the gateway shop/edge"):
        sidecars.leaves([])


def test_calls_through_gateways_are_told_with_both_parties(mesh: model.Mesh) -> None:
    call = {"side": "ingress", "caller": None, "from": "10.1.1.1", "cluster": "shop/orders"}
    assert status.parties(call, "shop/edge") == ("outside the mesh, 10.1.1.1", "shop/orders")
    caller = "spiffe://product.mesh/ns/shop/svc/orders"
    assert status.parties({"side": "egress", "caller": caller}, "shop/out") == ("shop/orders", "shop/out")
    rules = [str(rule) for rule in allowed.in_use(files(mesh, "shop/out", "w2"))]
    assert rules == ["shop/* to shop/mail", "shop/orders POST to shop/payments"]
    (out,) = described(mesh, "w2")
    assert status.chosen([out], "shop/payments", "shop/orders") == [out]
