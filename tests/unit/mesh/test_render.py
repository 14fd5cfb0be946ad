# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of sidecars, as Envoy reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.mesh_issued import mesh_interval
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import admin, judge
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import discovery, validate
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import model, owner_rules
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import envoy, hosts, render

from .conftest import HOSTS


def files(mesh: model.Mesh, key: str, host: str = "w1") -> dict[str, Any]:
    """The files of a sidecar."""
    return render.sidecar(mesh, mesh.services[key], host)


def resource(found: dict[str, Any], file: str, number: int = 0) -> Any:
    """One resource of a file."""
    return found[file]["resources"][number]


def test_a_sidecar_has_its_files(mesh: model.Mesh) -> None:
    assert sorted(files(mesh, "shop/front")) == [
        "bootstrap.json",
        "cds.json",
        "eds_shop_orders_v1.json",
        "eds_shop_orders_v2.json",
        "lds.json",
        "rds_inbound.json",
        "rds_shop_orders.json",
    ]
    admin_address = files(mesh, "shop/front")["bootstrap.json"]["admin"]["address"]
    assert admin_address == {"pipe": {"path": "/run/mesh-sidecar/shop_front/admin.sock", "mode": 0o600}}


def test_callers_need_a_certificate_and_are_named_by_it(mesh: model.Mesh) -> None:
    inbound = resource(files(mesh, "shop/orders"), "lds.json")
    assert inbound["address"] == {"socket_address": {"address": "10.0.0.21", "port_value": 8081}}
    (chain,) = inbound["filter_chains"]
    context = chain["transport_socket"]["typed_config"]
    assert context["require_client_certificate"] is True
    validation = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
    assert validation["match_typed_subject_alt_names"][0]["matcher"] == {"prefix": "spiffe://product.mesh/"}
    manager = chain["filters"][0]["typed_config"]
    assert manager["forward_client_cert_details"] == "SANITIZE_SET" and manager["normalize_path"]
    # Without a policy nobody may call: the route has the policies.
    assert manager["http_filters"][0]["typed_config"]["rules"] == {"action": "ALLOW"}


def test_allow_rules(mesh: model.Mesh) -> None:
    host = resource(files(mesh, "shop/orders"), "rds_inbound.json")["virtual_hosts"][0]
    rules = host["typed_per_filter_config"][envoy.RBAC]["rbac"]["rules"]
    assert rules["action"] == "ALLOW" and list(rules["policies"]) == ["allow[0]"]
    policy = rules["policies"]["allow[0]"]
    name = {"exact": "spiffe://product.mesh/ns/shop/svc/front"}
    assert policy["principals"] == [{"authenticated": {"principal_name": name}}]
    methods, paths = policy["permissions"][0]["and_rules"]["rules"]
    assert [rule["header"]["string_match"]["exact"] for rule in methods["or_rules"]["rules"]] == ["GET", "POST"]
    assert paths["or_rules"]["rules"][0] == {"url_path": {"path": {"prefix": "/orders"}}}
    assert paths["or_rules"]["rules"][1] == {"url_path": {"path": {"exact": "/slow"}}}


def test_without_rules_nobody_may_call(mesh: model.Mesh) -> None:
    host = resource(files(mesh, "shop/front"), "rds_inbound.json")["virtual_hosts"][0]
    assert host["typed_per_filter_config"][envoy.RBAC]["rbac"]["rules"] == {"action": "ALLOW"}


def test_all_services_of_a_tenant(variables: dict[str, Any]) -> None:
    variables["mesh_services"][2]["allow"] = [{"from": "*"}]
    mesh = model.read(variables, HOSTS, "product")
    host = resource(files(mesh, "shop/stock", "w2"), "rds_inbound.json")["virtual_hosts"][0]
    (policy,) = host["typed_per_filter_config"][envoy.RBAC]["rbac"]["rules"]["policies"].values()
    assert policy["principals"][0]["authenticated"]["principal_name"] == {
        "prefix": "spiffe://product.mesh/ns/shop/svc/"
    }


def test_an_upstream_is_asked_for_its_own_identity(mesh: model.Mesh) -> None:
    cluster = resource(files(mesh, "shop/front"), "cds.json", 1)
    assert cluster["name"] == "shop/orders:v1"
    context = cluster["transport_socket"]["typed_config"]["common_tls_context"]
    matcher = context["combined_validation_context"]["default_validation_context"]["match_typed_subject_alt_names"][0]
    assert matcher == {"san_type": "URI", "matcher": {"exact": "spiffe://product.mesh/ns/shop/svc/orders"}}
    threshold = cluster["circuit_breakers"]["thresholds"][0]
    assert (threshold["max_connections"], threshold["max_pending_requests"]) == (40, 10)
    assert threshold["retry_budget"]["budget_percent"] == {"value": 20.0}
    assert cluster["outlier_detection"]["consecutive_5xx"] == 3 and cluster["outlier_detection"]["interval"] == "1s"


def test_callers_ask_where_the_instances_of_a_job_are(variables: dict[str, Any]) -> None:
    variables["mesh_services"][1]["runs"] = [{"hosts": ["w1", "w2"], "job": "orders"}]
    del variables["mesh_services"][1]["splits"]
    mesh = model.read(variables, HOSTS, "product")
    cluster = resource(files(mesh, "shop/front"), "cds.json", 1)
    check = cluster["health_checks"][0]["http_health_check"]
    assert (check["host"], check["path"]) == ("localhost", "/.mesh/ready")  # not the cluster's name, which has a slash
    assert cluster["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}  # not to hosts that do not have it
    manager = resource(files(mesh, "shop/orders"), "lds.json")["filter_chains"][0]["filters"][0]["typed_config"]
    assert [entry["name"] for entry in manager["http_filters"]][:2] == ["health_check", "envoy.filters.http.rbac"]


def test_splits_timeouts_and_retries_are_routes(mesh: model.Mesh) -> None:
    route = resource(files(mesh, "shop/front"), "rds_shop_orders.json")["virtual_hosts"][0]["routes"][0]["route"]
    clusters = [{"name": "shop/orders:v1", "weight": 9000}, {"name": "shop/orders:v2", "weight": 1000}]
    assert route["weighted_clusters"] == {"clusters": clusters} and route["timeout"] == "2s"
    assert route["retry_policy"]["num_retries"] == 2 and "gateway-error" in route["retry_policy"]["retry_on"]
    endpoints = resource(files(mesh, "shop/front"), "eds_shop_orders_v2.json")["endpoints"][0]["lb_endpoints"]
    assert [e["endpoint"]["address"]["socket_address"]["address"] for e in endpoints] == ["10.0.0.22"]


def test_a_version_without_weight_gets_no_call(variables: dict[str, Any]) -> None:
    variables["mesh_services"][1]["splits"] = [{"subset": "v1", "weight": 0}, {"subset": "v2", "weight": 100}]
    mesh = model.read(variables, HOSTS, "product")
    route = resource(files(mesh, "shop/front"), "rds_shop_orders.json")["virtual_hosts"][0]["routes"][0]["route"]
    assert [cluster["name"] for cluster in route["weighted_clusters"]["clusters"]] == ["shop/orders:v2"]


@pytest.mark.parametrize("part", ["splits", "allow"])
def test_a_change_of_rules_changes_no_listener(variables: dict[str, Any], part: str) -> None:
    """Open connections go on: listeners and clusters are as they were."""
    before = model.read(variables, HOSTS, "product")
    if part == "allow":
        variables["mesh_services"][1]["allow"] = []
    else:
        variables["mesh_services"][1]["splits"] = [{"subset": "v1", "weight": 50}, {"subset": "v2", "weight": 50}]
    after = model.read(variables, HOSTS, "product")
    for key in ("shop/front", "shop/orders"):
        for file in ("bootstrap.json", "lds.json", "cds.json"):
            assert files(before, key)[file] == files(after, key)[file]
    changed = "shop/front" if part == "splits" else "shop/orders"
    assert files(before, changed) != files(after, changed)


def test_the_version_is_the_digest(mesh: model.Mesh, variables: dict[str, Any]) -> None:
    again = model.read(variables, HOSTS, "product")
    assert files(mesh, "shop/front") == files(again, "shop/front")
    versions = {file: content.get("version_info") for file, content in files(mesh, "shop/front").items()}
    assert len({*versions.values()}) == len(versions)


def test_tcp_and_permissive(variables: dict[str, Any]) -> None:
    variables["mesh_services"][2].update(protocol="tcp", mode="permissive")
    mesh = model.read(variables, HOSTS, "product")
    inbound = resource(files(mesh, "shop/stock", "w2"), "lds.json")
    tls, plain = inbound["filter_chains"]
    assert tls["filter_chain_match"] == {"transport_protocol": "tls"} and "transport_socket" in tls
    assert plain["filter_chain_match"] == {"transport_protocol": "raw_buffer"} and "transport_socket" not in plain
    names = [[network["name"] for network in chain["filters"]] for chain in (tls, plain)]
    assert names == [["rbac", "tcp"], ["tcp"]]
    outbound = resource(files(mesh, "shop/orders"), "lds.json", 1)["filter_chains"][0]["filters"][0]
    clusters = outbound["typed_config"]["weighted_clusters"]["clusters"]
    assert clusters == [{"name": "shop/stock", "weight": 10000}]


def test_traces_and_logs(variables: dict[str, Any]) -> None:
    variables["mesh_telemetry"] = {"access_log": "none", "traces": {"collector": "10.0.0.9:4318", "percent": 5}}
    found = files(model.read(variables, HOSTS, "product"), "shop/front")
    manager = resource(found, "lds.json")["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager["access_log"] == [] and manager["tracing"]["random_sampling"] == {"value": 5.0}
    assert "collector" in [cluster["name"] for cluster in found["cds.json"]["resources"]]


def test_health_checks_are_not_logged(mesh: model.Mesh, variables: dict[str, Any]) -> None:
    def rule(found: model.Mesh) -> Any:
        manager = resource(files(found, "shop/stock", "w2"), "lds.json")["filter_chains"][0]["filters"][0]
        return manager["typed_config"]["access_log"][0]["filter"]

    assert rule(mesh)["and_filter"]["filters"][0] == {"not_health_check_filter": {}}
    variables["mesh_telemetry"] = {"access_log": "all"}
    assert rule(model.read(variables, HOSTS, "product")) == {"not_health_check_filter": {}}


def test_a_rate_limit_is_a_bucket(mesh: model.Mesh) -> None:
    host = resource(files(mesh, "shop/stock", "w2"), "rds_inbound.json")["virtual_hosts"][0]
    bucket = host["typed_per_filter_config"][envoy.RATE]["token_bucket"]
    assert bucket == {"max_tokens": 2000, "tokens_per_fill": 2000, "fill_interval": "1s"}


def test_a_service_that_is_not_on_the_host_has_no_sidecar_there(mesh: model.Mesh) -> None:
    with pytest.raises(ValueError, match="shop/front does not run on w2"):
        files(mesh, "shop/front", "w2")


# --- validation -----------------------------------------------------------------------------------------------------


def test_validation_reads_routes_and_endpoints_too(mesh: model.Mesh) -> None:
    found = files(mesh, "shop/front")
    whole = json.dumps(validate.static(found))
    assert "path_config_source" not in whole and "dynamic_resources" not in whole and "sds" not in whole
    for part in ("shop/orders:v2", "10.0.0.22", "gateway-error", "max_active_downstream_connections"):
        assert part in whole
    assert found == files(mesh, "shop/front")  # nothing was changed


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "[2026-11-28 22:00:00.000][1][critical][main] [source/server/server.cc:1] error initializing config: bad\n",
            "error initializing config: bad",
        ),
        ("", "Envoy ended without a word"),
    ],
)
def test_why_envoy_refuses(output: str, reason: str) -> None:
    assert judge.reason(output) == reason


def test_a_change_is_in_effect_when_the_versions_are_those_of_the_files(mesh: model.Mesh) -> None:
    found = files(mesh, "shop/front")
    stats = {
        "listener_manager.lds.version_text": found["lds.json"]["version_info"],
        "cluster_manager.cds.version_text": found["cds.json"]["version_info"],
        "http.inbound.rds.inbound.version_text": found["rds_inbound.json"]["version_info"],
        "http.shop_orders.rds.shop_orders.version_text": "older",
    }
    assert discovery.unsettled(stats, found) == ["rds_shop_orders.json"]
    stats["http.shop_orders.rds.shop_orders.version_text"] = found["rds_shop_orders.json"]["version_info"]
    assert discovery.unsettled(stats, found) == []
    assert admin.rejected({"a.update_rejected": 1, "b.update_rejected": 0}) == {"a.update_rejected": 1}


# --- owner rules ------------------------------------------------------------------------------------------------------


def test_only_a_sidecar_reaches_its_service_and_a_service_its_upstreams(mesh: model.Mesh) -> None:
    rules = owner_rules.owner_rules(mesh, "w1")
    assert rules.startswith("table inet keelson_mesh\ndelete table inet keelson_mesh\n")
    for account, port in (("mesh_shop_front", 8080), ("front", 18081), ("mesh_shop_orders", 8081), ("orders", 18082)):
        assert f'ip daddr 127.0.0.0/8 tcp dport {port} meta skuid != "{account}" reject with tcp reset' in rules
        assert f'ip6 daddr ::1 tcp dport {port} meta skuid != "{account}"' in rules
    assert "iifname" not in rules


def test_a_service_on_all_addresses_is_closed(variables: dict[str, Any]) -> None:
    variables["mesh_services"][0]["mesh_port"] = 9443
    rules = owner_rules.owner_rules(model.read(variables, HOSTS, "product"), "w1")
    assert 'iifname != "lo" tcp dport 8080 reject with tcp reset' in rules
    assert 'oifname "lo" tcp dport 8080 meta skuid != "mesh_shop_front"' in rules


def test_a_permissive_service_is_open(variables: dict[str, Any]) -> None:
    variables["mesh_services"][0].update(mode="permissive", mesh_port=9443)
    rules = owner_rules.owner_rules(model.read(variables, HOSTS, "product"), "w1")
    assert "dport 8080" not in rules and "dport 18081" in rules


# --- what hosts and the issuer are told -------------------------------------------------------------------------------


def test_a_host_may_have_the_identities_of_its_services_alone(mesh: model.Mesh) -> None:
    issued = hosts.issued(mesh, "")
    assert issued["hosts"]["w1"] == {
        "address": "10.0.0.21",
        "identities": ["spiffe://product.mesh/ns/shop/svc/front", "spiffe://product.mesh/ns/shop/svc/orders"],
    }
    assert "spiffe://product.mesh/ns/shop/svc/front" not in issued["hosts"]["w2"]["identities"]


@pytest.mark.parametrize(("minutes", "span"), [(1440, "3600s"), (60, "150s"), (2, "10s")])
def test_renewals_are_tried_often_enough(variables: dict[str, Any], minutes: int, span: str) -> None:
    variables["mesh_identity"] = {"leaf_minutes": minutes}
    assert mesh_interval({"w1": {"cluster_name": "product", **variables}}, "w1") == span


def test_how_often_they_are_tried_is_told_without_reading_the_services() -> None:
    assert mesh_interval({"w1": {"cluster_name": "product", "mesh_services": "none of these"}}, "w1") == "3600s"
    with pytest.raises(AnsibleFilterError, match="The mesh of product:\n.*leaf_minutes"):
        mesh_interval({"w1": {"cluster_name": "product", "mesh_identity": {"leaf_minutes": "x"}}}, "w1")
