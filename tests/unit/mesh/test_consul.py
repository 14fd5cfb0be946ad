# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh as Consul takes it: entries, tokens, services and bootstraps, and what Consul cannot do."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.bootstrap import ForeignBootstrap
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.raft import Health, Server
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import acl, checks
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import entries as placed
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.api import Api, ApiError
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh.model import MeshError
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh.owner_rules import owner_rules
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_consul import entries, hosts, mesh, secrets, tokens

SEED = "ab" * 32
SERVICES: list[dict[str, Any]] = [
    {
        "name": "front",
        "tenant": "shop",
        "port": 8080,
        "metrics_port": 9080,
        "run_as": "front",
        "runs": [{"hosts": ["w1"]}],
        "upstreams": [
            {"name": "orders", "bind": 18081, "timeout": 2.5, "retries": {"attempts": 3, "retry_on": ["5xx"]},
             "limits": {"connections": 7}, "ejection": {"errors": 3, "interval": 1.5}},
        ],
    },
    {
        "name": "orders",
        "tenant": "shop",
        "port": 8081,
        "run_as": "orders",
        "health": {"path": "/health", "interval": 1},
        "runs": [{"hosts": ["w1"], "version": "v1"}, {"hosts": ["w2"], "version": "v2"}],
        "splits": [{"subset": "v1", "weight": 90}, {"subset": "v2", "weight": 10}],
        "allow": [{"from": "front", "methods": ["GET", "POST"], "paths": ["/orders*", "/slow"]}],
    },
    {
        "name": "stock",
        "tenant": "shop",
        "port": 8082,
        "protocol": "tcp",
        "run_as": "stock",
        "runs": [{"hosts": ["w2"]}],
        "allow": [{"from": "shop/*"}],
    },
]  # fmt: skip


def hostvars(services: list[dict[str, Any]], **more: Any) -> dict[str, dict[str, Any]]:
    """A cluster of a manager and two host nodes."""
    shared = {"cluster_name": "product", "mesh_services": services, "cluster_components": ["mesh_consul"], **more}
    nodes = {"m1": ("manager", 11), "w1": ("node", 21), "w2": ("node", 22)}
    return {
        name: {**shared, "cluster_part": part, "cluster_address": f"10.0.0.{number}"}
        for name, (part, number) in nodes.items()
    }


def the_mesh(services: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    found = hostvars(SERVICES if services is None else services, **more)
    return mesh.mesh_of(found["w1"], found, "product")


def by_key(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {" ".join(placed.key(entry)): entry for entry in found}


# --- entries ------------------------------------------------------------------------------------------------------------


def test_entries_say_what_the_model_says() -> None:
    found = by_key(entries.entries(the_mesh(), "none"))
    assert {"service-splitter shop_stock", "service-router shop_stock", "service-router shop_front"}.isdisjoint(found)
    assert found["service-defaults shop_stock"]["Protocol"] == "tcp"
    (override,) = found["service-defaults shop_front"]["UpstreamConfig"]["Overrides"]
    assert override["Limits"]["MaxConnections"] == 7
    assert override["PassiveHealthCheck"]["MaxFailures"] == 3
    assert override["PassiveHealthCheck"]["Interval"] == 1_500_000_000
    assert found["service-resolver shop_orders"]["Subsets"]["v1"] == {"Filter": 'Service.Meta.version == "v1"'}
    assert [share["Weight"] for share in found["service-splitter shop_orders"]["Splits"]] == [90, 10]
    (route,) = found["service-router shop_orders"]["Routes"]
    assert route["Destination"] == {"RequestTimeout": "2.5s", "NumRetries": 3, "RetryOn": ["5xx"]}
    assert found["proxy-defaults global"]["AccessLogs"]["Enabled"] is False
    assert all(entry["Meta"] == {"managed-by": "keelson"} for entry in found.values())


def test_only_named_callers_are_let_in() -> None:
    found = by_key(entries.entries(the_mesh(), "all"))
    (source,) = found["service-intentions shop_orders"]["Sources"]
    methods = {"Methods": ["GET", "POST"]}
    assert source["Name"] == "shop_front" and source["Permissions"] == [
        {"Action": "allow", "HTTP": {"PathPrefix": "/orders", **methods}},
        {"Action": "allow", "HTTP": {"PathExact": "/slow", **methods}},
    ]
    # A tenant is its services that there are; without allow rules there is no entry, and Consul denies by default.
    names = [source["Name"] for source in found["service-intentions shop_stock"]["Sources"]]
    assert names == ["shop_front", "shop_orders", "shop_stock"]
    assert "service-intentions shop_front" not in found and found["proxy-defaults global"]["AccessLogs"]["Enabled"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.025, "25ms"), (1, "1s"), (2.5, "2.5s"), (15, "15s"), (90, "1m30s"), (3600, "1h0m0s"), (0.2, "200ms")],
)
def test_times_are_as_go_writes_them(seconds: float, text: str) -> None:
    assert entries.duration(seconds) == text


# --- what Consul cannot do ----------------------------------------------------------------------------------------------


def changed(number: int, **more: Any) -> list[dict[str, Any]]:
    found = copy.deepcopy(SERVICES)
    found[number].update(more)
    return found


@pytest.mark.parametrize(
    ("services", "more", "text"),
    [
        (changed(2, rate_limit={"requests": 1, "seconds": 1}), {}, "mesh_services[2]: shop/stock has a rate_limit"),
        (changed(1, mode="permissive", mesh_port=9081), {}, "mesh_services[1]: shop/orders is permissive"),
        (changed(1, protocol="grpc"), {}, "shop/orders speaks grpc, and Consul asks for health by HTTP/1.1"),
        (changed(1, allow=[{"from": "front", "methods": ["PURGE"]}]), {}, "Consul knows no method PURGE"),
        (
            changed(0, upstreams=[{"name": "orders", "bind": 1, "retries": {"budget_percent": 20}}]),
            {},
            "mesh_services[0].upstreams[0]: Consul has no budget_percent of retries",
        ),
        (
            changed(0, upstreams=[{"name": "orders", "bind": 1, "retries": {"retry_on": ["reset-before-request"]}}]),
            {},
            "Consul does not retry on reset-before-request",
        ),
        (changed(0, upstreams=[{"name": "stock", "bind": 1, "timeout": 2}]), {}, "shop/stock speaks tcp: no timeout"),
        (
            changed(2, upstreams=[{"name": "orders", "bind": 1, "timeout": 9}]),
            {},
            "shop/stock and shop/front have other timeouts or retries for shop/orders",
        ),
        (SERVICES, {"mesh_identity": {"trust_domain": "x.mesh"}}, "mesh_identity.trust_domain: Consul decides"),
        (SERVICES, {"mesh_identity": {"leaf_minutes": 59}}, "Consul makes no leaf for less than 60 minutes"),
        (SERVICES, {"mesh_telemetry": {"access_log": "errors"}}, "Consul logs every call or none"),
        (SERVICES, {"mesh_telemetry": {"traces": {"collector": "a:1"}}}, "mesh_telemetry.traces"),
        (
            SERVICES,
            {"mesh_gateways": [{"name": "edge", "hosts": ["w1"], "port": 443, "routes": [{"service": "shop/orders"}]}]},
            "the gateway default/edge: gateways are not part of this provider",
        ),
    ],
)  # fmt: skip
def test_what_consul_cannot_do_is_refused_by_name(
    services: list[dict[str, Any]], more: dict[str, Any], text: str
) -> None:
    with pytest.raises(MeshError) as caught:
        the_mesh(services, **more)
    assert text in str(caught.value)


def test_two_hosts_that_consul_would_call_the_same() -> None:
    found = hostvars(SERVICES)
    found |= {"W1": {**found["m1"], "cluster_address": "10.0.0.12"}}
    with pytest.raises(MeshError, match="Consul would call W1 and w1 w1; rename one of them"):
        mesh.mesh_of(found["w1"], found, "product")


# --- tokens and hosts ---------------------------------------------------------------------------------------------------


def test_each_agent_and_each_sidecar_has_a_token_of_its_own() -> None:
    found = tokens.tokens(the_mesh(), ["m1", "w1", "w2"], SEED, "product")
    assert len({token["SecretID"] for token in found}) == len({token["AccessorID"] for token in found}) == 7
    assert found == tokens.tokens(the_mesh(), ["w2", "m1", "w1"], SEED, "product")
    assert found[0]["NodeIdentities"] == [{"NodeName": "m1", "Datacenter": "product"}]
    rights = {token["Description"]: token.get("ServiceIdentities") for token in found}
    assert rights["keelson: shop/orders on w2"] == [{"ServiceName": "shop_orders"}]
    assert {token["SecretID"] for token in tokens.tokens(the_mesh(), ["m1"], "cd" * 32, "product")}.isdisjoint(
        token["SecretID"] for token in found
    )


def test_secrets_are_made_once() -> None:
    first = secrets.own_secrets("product", {}, None, "")
    assert secrets.own_secrets("product", {}, first, "") == first
    assert secrets.own_secrets("product", {}, None, "") != first


def test_a_host_is_told_of_its_own_services_alone() -> None:
    found = {entry["path"]: entry for entry in hosts.files(the_mesh(), "w2", SEED, "rules")}
    orders, stock = found["/etc/consul.d/services.json"]["data"]["services"]
    assert found["/etc/consul.d/services.json"]["secret"] and orders["meta"] == {"version": "v2"}
    assert orders["checks"] == [
        {"name": "health", "http": "http://127.0.0.1:8081/health", "interval": "1s", "timeout": "1s"}
    ]
    sidecar = orders["connect"]["sidecar_service"]
    assert (sidecar["address"], sidecar["port"]) == ("10.0.0.22", 8081) and stock["checks"] == []
    assert [one["id"] for one in found["/etc/keelson-mesh/consul.json"]["data"]["sidecars"]] == [
        "shop_orders",
        "shop_stock",
    ]
    assert "token" not in json.dumps(found["/etc/keelson-mesh/consul.json"]["data"])


def test_a_bootstrap_asks_the_agent_with_the_token_of_its_service() -> None:
    found = hosts.sidecars(the_mesh(), "w1", SEED)
    assert sorted(found) == ["shop_front", "shop_orders"]
    front = found["shop_front"]
    (service,) = front["dynamic_resources"]["ads_config"]["grpc_services"]
    assert service["initial_metadata"][0]["value"] == tokens.of_service(SEED, "shop_front", "w1")
    assert front["node"]["id"] == "shop_front-sidecar-proxy"
    assert front["admin"]["address"]["pipe"]["path"] == "/run/mesh-sidecar/shop_front/admin.sock"
    assert (
        len(front["static_resources"]["listeners"]) == 1 and not found["shop_orders"]["static_resources"]["listeners"]
    )


def test_the_agent_may_ask_a_service_for_its_health() -> None:
    rules = owner_rules(the_mesh(), "w2", ["consul"])
    assert 'tcp dport 8081 meta skuid != "mesh_shop_orders" meta skuid != "consul" reject' in rules


def test_the_component_is_found() -> None:
    found = components.load("mesh_consul", "nomad")
    assert found.bundled == ("consul", "envoy", "mesh-host")


# --- what is done on hosts ----------------------------------------------------------------------------------------------


class Servers:
    """Consul's API as far as it is used, in memory."""

    def __init__(self) -> None:
        self.token = "ruler"
        self.entries: dict[tuple[str, str], dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.ruler = ""
        self.calls: list[str] = []

    def get(self, path: str) -> Any:
        if path == "/v1/acl/token/self":
            if self.ruler != self.token:
                raise ApiError(403, "ACL not found")
            return {"Policies": [{"ID": acl.MANAGEMENT}]}
        if path == "/v1/acl/tokens":
            return list(self.tokens.values())
        kind = path.rpartition("/")[2]
        return [{**entry, "CreateIndex": 1} for key, entry in self.entries.items() if key[0] == kind]

    def put(self, path: str, body: Any) -> None:
        self.calls.append(path)
        if path == "/v1/acl/bootstrap":
            if self.ruler:
                raise ApiError(403, "Permission denied: ACL bootstrap no longer allowed (reset index: 21)")
            self.ruler = body["BootstrapSecret"]
        elif path == "/v1/config":
            self._fits(body)
            self.entries[placed.key(body)] = body
        else:
            self.tokens[body["AccessorID"]] = body

    def _fits(self, body: dict[str, Any]) -> None:
        """As Consul does: a split needs its subset, and a subset with a split stays."""
        name, kind = body.get("Name", ""), body["Kind"]
        splitter, resolver = self.entries.get(("service-splitter", name)), self.entries.get(("service-resolver", name))
        if kind == "service-splitter":
            splitter = body
        if kind == "service-resolver":
            resolver = body
        for share in (splitter or {}).get("Splits", []):
            if share["ServiceSubset"] not in (resolver or {}).get("Subsets", {}):
                raise ApiError(500, f"no subset {share['ServiceSubset']}")

    def delete(self, path: str) -> None:
        self.calls.append(path)
        if path.startswith("/v1/acl/"):
            del self.tokens[path.rpartition("/")[2]]
        else:
            del self.entries[tuple(path.split("/")[-2:])]  # type: ignore[arg-type]


def brought(servers: Servers, desired: list[dict[str, Any]]) -> list[str]:
    due = placed.changes(servers, placed.read(servers), desired)  # type: ignore[arg-type]
    placed.carry_out(due)
    return [name for name, _act in due]


def test_entries_are_brought_once_and_pruned() -> None:
    servers = Servers()
    desired = entries.entries(the_mesh(), "none")
    assert len(brought(servers, desired)) == len(desired) and brought(servers, desired) == []
    servers.entries[("service-defaults", "other")] = {"Kind": "service-defaults", "Name": "other"}
    assert len(brought(servers, [])) == len(desired) and list(servers.entries) == [("service-defaults", "other")]


def test_versions_are_exchanged_under_a_split() -> None:
    servers = Servers()
    brought(servers, entries.entries(the_mesh(), "none"))
    runs = [{"hosts": ["w1"], "version": "v2"}, {"hosts": ["w2"], "version": "v3"}]
    desired = entries.entries(
        the_mesh(changed(1, runs=runs, splits=[{"subset": "v2", "weight": 50}, {"subset": "v3", "weight": 50}])), "none"
    )
    assert brought(servers, desired)[0] == "prepare service-resolver shop_orders"
    assert set(servers.entries["service-resolver", "shop_orders"]["Subsets"]) == {"v2", "v3"}
    assert brought(servers, desired) == []


def test_an_entry_of_somebody_else_is_named_and_stays() -> None:
    servers = Servers()
    servers.entries[("service-defaults", "shop_orders")] = {"Kind": "service-defaults", "Name": "shop_orders"}
    with pytest.raises(placed.ForeignEntry, match="service-defaults shop_orders is not of this collection"):
        brought(servers, entries.entries(the_mesh(), "none"))
    assert servers.calls == []


def test_what_consul_refuses_for_good_is_told() -> None:
    servers = Servers()
    split = {"Kind": "service-splitter", "Name": "a", "Splits": [{"ServiceSubset": "v9"}], "Meta": dict([placed.MARK])}
    with pytest.raises(ApiError, match="make service-splitter a: no subset v9"):
        brought(servers, [split])


def test_tokens_are_made_changed_and_revoked() -> None:
    servers = Servers()
    desired = tokens.tokens(the_mesh(), ["w1"], SEED, "product")
    servers.tokens["foreign"] = {"AccessorID": "foreign", "Description": "a team's"}
    assert len(acl.settle(servers, desired, False)) == 5 and acl.settle(servers, desired, False) == []  # type: ignore[arg-type]
    servers.tokens[desired[0]["AccessorID"]]["NodeIdentities"] = []
    desired = tokens.tokens(the_mesh(), ["w1"], SEED, "product")
    assert acl.settle(servers, desired[:1], False)[0] == "change token of agent of w1"  # type: ignore[arg-type]
    assert sorted(servers.tokens) == sorted(["foreign", desired[0]["AccessorID"]])


def test_the_access_control_is_bootstrapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers()
    monkeypatch.setattr(acl, "_first", lambda api: api.put("/v1/acl/bootstrap", {"BootstrapSecret": api.token}))
    assert acl.bootstrap(servers) is True and acl.bootstrap(servers) is False  # type: ignore[arg-type]
    servers.token = "another"
    with pytest.raises(ForeignBootstrap):
        acl.bootstrap(servers)  # type: ignore[arg-type]


# --- checks -------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)


def leaf(minutes: float) -> dict[str, Any]:
    end = (NOW + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"certificates": [{"cert_chain": [{"expiration_time": end}]}]}


@pytest.mark.parametrize(
    ("verdict", "passed"),
    [
        (checks.denied({"/v1/agent/self": 403}), True),
        (checks.denied({"/v1/agent/self": 403, "/v1/acl/tokens": 200}), False),
        (checks.closed(0o140600, []), True),
        (checks.closed(0o140666, []), False),
        (checks.closed(0o140600, [8500]), False),
        (checks.valid(leaf(1000), 1440, NOW), True),
        (checks.valid(leaf(71), 1440, NOW), False),
        (checks.valid({"certificates": []}, 1440, NOW), False),
        (checks.refuses(200, {"Allowed": False}), True),
        (checks.refuses(200, {"Allowed": True}), False),
        (checks.refuses(403, "Permission denied"), False),
    ],
)
def test_verdicts(verdict: Any, passed: bool) -> None:
    assert verdict.passed is passed and verdict.evidence


def server(name: str, **more: Any) -> Server:
    given = {"address": "10.0.0.1", "raft_id": name, "version": "", "leader": False, "voter": True, "healthy": True}
    return Server(name=name, **{**given, **more})


@pytest.mark.parametrize(
    ("servers", "passed"),
    [
        ([server("m1", leader=True), server("m2")], True),
        ([server("m1"), server("m2")], False),
        ([server("m1", leader=True), server("m2", healthy=False)], False),
    ],
)
def test_servers_are_judged(servers: list[Server], passed: bool) -> None:
    assert checks.healthy(Health(True, 0, tuple(servers))).passed is passed


def test_calls_are_counted_by_the_clusters_of_the_service() -> None:
    names = ["701d0e19~v1.shop_orders.default.product.internal.x.consul", "shop_orders.default.product.internal.x.consul",
             "shop_orders_old.default.product.internal.x.consul", "local_app"]  # fmt: skip
    assert checks.clusters_of(["shop_orders"], names) == names[:2]


def test_the_api_has_consul_s_names() -> None:
    assert (Api.TOKEN_HEADER, Api.RPC) == ("X-Consul-Token", 8300)
