# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a mesh as objects of Linkerd: rendered, held against schemas, and written. No Linkerd runs here."""

from __future__ import annotations

import copy
import itertools
import json
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.action import mesh_linkerd
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import inventory, model
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_linkerd import mesh as written
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_linkerd import objects, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from . import crd_schemas
from .conftest import HOSTS
from .test_gateways import EDGE, OUT

ROOT = Path(__file__).parents[3]
Given = dict[str, Any]


@pytest.fixture
def variables(variables: Given) -> Given:
    """Those of the example in pods, without what Linkerd does not do."""
    front, orders, stock = variables["mesh_services"]
    for service, versions in ((front, [{}]), (orders, [{"version": "v1"}, {"version": "v2"}]), (stock, [{}])):
        service["runs"] = [{"workload": service["name"], **version} for version in versions]
    del front["metrics_port"], orders["health"]
    front["upstreams"][0] |= {
        "retries": {"attempts": 3, "retry_on": ["gateway-error"], "timeout": 0.5},
        "ejection": {"errors": 3},
    }
    del front["upstreams"][0]["limits"]
    orders["allow"][0]["paths"] = ["/orders", "/orders/*", "/slow", "/alone"]
    return variables


@pytest.fixture
def mesh(variables: Given) -> model.Mesh:
    """The mesh of it."""
    return read(variables)


def read(variables: Given) -> model.Mesh:
    """The mesh of variables, checked."""
    return inventory.check(model.read(variables, HOSTS, "product"), partial(refused.refused, variables=variables))


def found(mesh: model.Mesh, kind: str, name: str) -> Any:
    """The only object of a kind and name."""
    (one,) = [o for o in objects.objects(mesh) if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return one


# --- schemas --------------------------------------------------------------------------------------------------------
def unchanged(_variables: Given) -> None:
    """The example."""


def of_grpc(variables: Given) -> None:
    """Calls by gRPC, with retries by its own conditions."""
    variables["mesh_services"][1]["protocol"] = "grpc"
    variables["mesh_services"][0]["upstreams"][0]["retries"] = {"retry_on": ["unavailable", "cancelled"]}


def of_tcp(variables: Given) -> None:
    """A service without calls in it."""
    del variables["mesh_services"][2]["rate_limit"]
    variables["mesh_services"][2]["protocol"] = "tcp"


def by_halves(variables: Given) -> None:
    """Weights with fractions."""
    variables["mesh_services"][1]["splits"] = [{"subset": "v1", "weight": 0.5}, {"subset": "v2", "weight": 99.5}]


def by_tenant(variables: Given) -> None:
    """Whole tenants as callers, with and without methods; every call in the log."""
    variables["mesh_services"][1]["allow"].append({"from": "web/*", "methods": ["GET"]})
    variables["mesh_services"][2]["allow"] = [{"from": "*"}]
    variables["mesh_services"].append({"name": "page", "tenant": "web", "port": 80, "runs": [{"workload": "page"}]})
    variables["mesh_telemetry"] = {"access_log": "all"}


@pytest.mark.parametrize("change", [unchanged, of_grpc, of_tcp, by_halves, by_tenant])
def test_schemas_take_every_object(variables: Given, change: Callable[[Given], None]) -> None:
    change(variables)
    rendered = objects.objects(read(variables))
    assert [fault for entry in rendered for fault in crd_schemas.faults(entry)] == []
    names = [(entry["kind"], entry["metadata"].get("namespace"), entry["metadata"]["name"]) for entry in rendered]
    assert len(set(names)) == len(names)


def test_schemas_refuse_a_field_that_they_do_not_name_wherever_it_is(variables: Given) -> None:
    of_grpc(variables)
    rendered = objects.objects(read(variables))
    assert {entry["kind"] for entry in rendered} >= {
        "Server",
        "HTTPRoute",
        "GRPCRoute",
        "HTTPLocalRateLimitPolicy",
        "Service",
    }
    tried = 0
    for entry in rendered:
        for place in places(entry):
            wrong = copy.deepcopy(entry)
            inner(wrong, place)["nonsense"] = {}  # labels have any name, but text alone
            assert list(crd_schemas.faults(wrong)), (entry["kind"], place)
            tried += 1
    assert tried > 100


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where an object has objects."""
    if isinstance(node, list):
        return [place for number, one in enumerate(node) for place in places(one, (*at, number))]
    if not isinstance(node, dict):
        return []
    return [at, *(place for key, value in node.items() for place in places(value, (*at, key)))]


def inner(node: Any, place: tuple[Any, ...]) -> Any:
    """What is at a place."""
    for step in place:
        node = node[step]
    return node


@pytest.mark.parametrize(
    ("kind", "name", "place", "value"),
    [
        ("Server", "orders", ("spec", "proxyProtocol"), "HTTP"),
        ("Server", "orders", ("spec", "accessPolicy"), "allow"),
        ("Server", "orders", ("spec", "port"), 0),
        ("HTTPRoute", "orders.0", ("spec", "rules", 0, "matches", 0, "method"), "FETCH"),
        ("HTTPRoute", "orders.0", ("spec", "rules", 0, "matches", 0, "path", "type"), "Prefix"),
        ("HTTPRoute", "orders", ("spec", "rules", 0, "backendRefs", 0, "weight"), 0.5),
        ("HTTPRoute", "orders", ("spec", "parentRefs", 0, "name"), ""),
        ("HTTPRoute", "orders", ("metadata", "annotations", "timeout.linkerd.io/request"), "2"),
        ("MeshTLSAuthentication", "stock", ("spec", "identityRefs"), []),
        ("AuthorizationPolicy", "stock", ("spec", "targetRef", "kind"), "Service"),
        ("HTTPLocalRateLimitPolicy", "stock", ("spec", "total", "requestsPerSecond"), 0.5),
        ("ServiceAccount", "stock", ("metadata", "name"), "Stock"),
    ],
)
def test_schemas_refuse_a_value_that_linkerd_does_not_take(
    mesh: model.Mesh, kind: str, name: str, place: tuple[Any, ...], value: Any
) -> None:
    entry = found(mesh, kind, name)
    inner(entry, place[:-1])[place[-1]] = value
    assert list(crd_schemas.faults(entry))


def test_schemas_are_made_of_definitions_and_of_templates_of_charts() -> None:
    text = """
apiVersion: apiextensions.k8s.io/v1
metadata:
  labels:
    helm.sh/chart: {{ .Chart.Name }}
spec:
  group: example.org
  names: {kind: Thing}
  versions:
    - {name: v1, served: true, storage: false}
    - name: v2
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              description: What it is.
              x-kubernetes-validations: [{rule: "true"}]
              properties: {description: {type: string}, port: {x-kubernetes-int-or-string: true}}
            status: {type: object}
"""
    made = crd_schemas.schemas([text], ["Thing"])
    port = {"x-kubernetes-int-or-string": True}
    spec = {"type": "object", "properties": {"description": {"type": "string"}, "port": port}}
    assert made == {"example.org/v2 Thing": {"type": "object", "properties": {"spec": spec}}}
    assert crd_schemas.closed(spec) == {
        "type": "object",
        "properties": {"description": {"type": "string"}, "port": {"type": ["integer", "string"]}},
        "additionalProperties": False,
    }


# --- objects --------------------------------------------------------------------------------------------------------
def test_a_namespace_gets_sidecars_and_is_closed(variables: Given) -> None:
    annotations = {"linkerd.io/inject": "enabled", "config.linkerd.io/default-inbound-policy": "deny"}
    assert found(read(variables), "Namespace", "shop")["metadata"]["annotations"] == annotations
    variables["mesh_telemetry"] = {"access_log": "all"}
    logged = found(read(variables), "Namespace", "shop")["metadata"]["annotations"]
    assert logged == {**annotations, "config.linkerd.io/access-log": "json"}


def test_a_service_has_a_server_and_by_versions_that_calls_are_split_to_more_services(mesh: model.Mesh) -> None:
    server = found(mesh, "Server", "orders")["spec"]
    assert server["podSelector"] == {"matchLabels": {"app": "orders"}} and server["accessPolicy"] == "deny"
    assert (server["port"], server["proxyProtocol"]) == (8081, "HTTP/1")
    assert found(mesh, "Service", "orders")["spec"]["selector"] == {"app": "orders"}
    assert found(mesh, "Service", "orders-v2")["spec"]["selector"] == {"app": "orders", "version": "v2"}
    assert [o["metadata"]["name"] for o in objects.objects(mesh) if o["kind"] == "Service"] == [
        "front", "orders", "orders-v1", "orders-v2", "stock",
    ]  # fmt: skip


def test_how_calls_go(variables: Given, mesh: model.Mesh) -> None:
    route = found(mesh, "HTTPRoute", "orders")
    assert route["spec"]["parentRefs"] == [{"group": "core", "kind": "Service", "name": "orders", "port": 8081}]
    assert route["spec"]["rules"] == [
        {
            "backendRefs": [
                {"name": "orders-v1", "port": 8081, "weight": 90},
                {"name": "orders-v2", "port": 8081, "weight": 10},
            ]
        }
    ]
    assert route["metadata"]["annotations"] == {
        "timeout.linkerd.io/request": "2000ms",
        "retry.linkerd.io/http": "gateway-error",
        "retry.linkerd.io/limit": "3",
        "retry.linkerd.io/timeout": "500ms",
    }
    assert found(mesh, "HTTPRoute", "stock")["metadata"]["annotations"] == {"timeout.linkerd.io/request": "15000ms"}
    by_halves(variables)
    (rule,) = found(read(variables), "HTTPRoute", "orders")["spec"]["rules"]
    assert [backend["weight"] for backend in rule["backendRefs"]] == [5_000, 995_000]


def test_a_bad_instance_is_left_out_of_every_service_that_leads_to_it(mesh: model.Mesh) -> None:
    key = "balancer.linkerd.io/failure-accrual"
    for name in ("orders", "orders-v1", "orders-v2"):
        assert found(mesh, "Service", name)["metadata"]["annotations"] == {
            key: "consecutive",
            f"{key}-consecutive-max-failures": "3",
            f"{key}-consecutive-min-penalty": "10000ms",
            f"{key}-consecutive-max-penalty": "60000ms",
        }


def test_other_protocols(variables: Given) -> None:
    of_grpc(variables)
    of_tcp(variables)
    mesh = read(variables)
    assert (
        found(mesh, "GRPCRoute", "orders")["metadata"]["annotations"]["retry.linkerd.io/grpc"]
        == "unavailable,cancelled"
    )
    assert found(mesh, "Server", "orders")["spec"]["proxyProtocol"] == "HTTP/2"
    assert found(mesh, "Server", "stock")["spec"]["proxyProtocol"] == "opaque"
    service = found(mesh, "Service", "stock")
    assert service["metadata"]["annotations"] == {"config.linkerd.io/opaque-ports": "8082"}
    assert not [o for o in objects.objects(mesh) if o["kind"].endswith("Route") and o["metadata"]["name"] == "stock"]


def test_who_may_call(variables: Given, mesh: model.Mesh) -> None:
    policy = found(mesh, "AuthorizationPolicy", "stock")["spec"]
    assert policy["targetRef"] == {"group": "policy.linkerd.io", "kind": "Server", "name": "stock"}
    assert [one["name"] for one in policy["requiredAuthenticationRefs"]] == ["stock"]
    assert found(mesh, "MeshTLSAuthentication", "stock")["spec"]["identityRefs"] == [
        {"kind": "ServiceAccount", "name": "orders", "namespace": "shop"}
    ]
    policy = found(mesh, "AuthorizationPolicy", "orders.0")["spec"]
    assert policy["targetRef"] == {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "orders.0"}
    route = found(mesh, "HTTPRoute", "orders.0")["spec"]
    assert route["parentRefs"] == [{"group": "policy.linkerd.io", "kind": "Server", "name": "orders"}]
    matches = [(m["method"], m["path"]["type"], m["path"]["value"]) for m in route["rules"][0]["matches"]]
    assert sorted(matches) == [
        (method, *path)
        for method in ("GET", "POST")
        for path in (("Exact", "/alone"), ("Exact", "/slow"), ("PathPrefix", "/orders"))
    ]
    # Nobody may call front: it has a server, and no policy.
    assert not [
        o for o in objects.objects(mesh) if o["kind"] == "AuthorizationPolicy" and "front" in o["metadata"]["name"]
    ]
    by_tenant(variables)
    assert found(read(variables), "MeshTLSAuthentication", "stock")["spec"]["identityRefs"] == [
        {"kind": "Namespace", "name": "shop"}
    ]


def test_a_rate_limit_is_that_of_a_second_in_whole_calls(variables: Given) -> None:
    for given_limit, expected in (({"requests": 2000, "seconds": 1}, 2000), ({"requests": 1, "seconds": 0.1}, 10)):
        variables["mesh_services"][2]["rate_limit"] = given_limit
        total = found(read(variables), "HTTPLocalRateLimitPolicy", "stock")["spec"]["total"]
        assert json.dumps(total) == json.dumps({"requestsPerSecond": expected})


# --- who is let in, as Linkerd's sidecar decides it ------------------------------------------------------------------
PATHS = ("/", "/a", "/a/", "/a/b", "/ab", "/a/b/c")
GIVEN = (["/"], ["/a"], ["/a/"], ["/a/b"], ["/ab"], ["/*"], ["/a", "/a/*"], ["/a/b", "/a/b/*"])
RULES = st.lists(
    st.fixed_dictionaries(
        {"from": st.sampled_from(["one", "two"])},
        optional={
            "methods": st.lists(st.sampled_from(["GET", "POST"]), min_size=1, max_size=2, unique=True),
            "paths": st.lists(st.sampled_from(GIVEN), min_size=1, max_size=2).map(
                lambda some: sorted({*itertools.chain(*some)})
            ),
        },
    ),
    max_size=3,
)


def length(path: dict[str, str], called: str) -> int:
    """How many characters of a path a route has, 0 where it has it not; as the sidecar counts them."""
    value = path["value"]
    if path["type"] == "Exact":
        return len(value) if value == called else 0
    if value == "/":
        return 1
    value = value.rstrip("/")
    return len(value) if f"{called.rstrip('/')}/".startswith(f"{value}/") else 0


def let_in(mesh: model.Mesh, method: str, called: str) -> set[tuple[str, ...]]:
    """The callers of a call: one set for each route that may have it, of which Linkerd takes one."""
    every = objects.objects(mesh)
    callers = {
        o["metadata"]["name"]: tuple(ref["name"] for ref in o["spec"]["identityRefs"])
        for o in every
        if o["kind"] == "MeshTLSAuthentication"
    }
    routes = [o for o in every if o["kind"] == "HTTPRoute" and o["spec"]["parentRefs"][0]["kind"] == "Server"]
    if not routes:
        return {callers.get("to", ())}
    ranked = [
        ((length(match["path"], called), "method" in match), callers[route["metadata"]["name"]])
        for route in routes
        for match in route["spec"]["rules"][0]["matches"]
        if length(match["path"], called) and match.get("method", method) == method
    ]
    best = max((rank for rank, _callers in ranked), default=None)
    return {names for rank, names in ranked if rank == best} or {()}


@settings(max_examples=300, deadline=None)
@given(RULES)
def test_linkerd_lets_in_whom_the_rules_let_in(rules: list[Given]) -> None:
    services = [
        {"name": name, "port": port, "runs": [{"workload": name}]} for port, name in enumerate(("one", "two", "to"), 80)
    ]
    services[2]["allow"] = rules
    try:
        mesh = read({"mesh_services": services})
    except model.MeshError as error:
        assert "cannot tell apart" in str(error)  # noqa: PT017
        return
    for method, called in itertools.product(("GET", "POST", "PUT"), PATHS):
        expected = {
            rule["from"]
            for rule in rules
            if method in rule.get("methods", [method])
            if any(
                called == path or (path[-1] == "*" and called.startswith(path[:-1]))
                for path in rule.get("paths", ["/*"])
            )
        }
        assert let_in(mesh, method, called) == {tuple(sorted(expected))}, (method, called)


# --- refusals -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "changed", "message"),
    [
        (2, {"runs": [{"hosts": ["w1"]}]}, "shop/stock runs on w1, and nothing of Linkerd is rendered for hosts"),
        (2, {"mode": "permissive"}, "shop/stock is permissive"),
        (2, {"isolated": True}, "remove isolated of shop/stock"),
        (2, {"health": {"path": "/"}}, "remove health of shop/stock"),
        (2, {"mesh_port": 8090}, "remove mesh_port of shop/stock"),
        (2, {"metrics_port": 9080}, "remove metrics_port of shop/stock"),
        (2, {"protocol": "tcp"}, "shop/stock speaks tcp, and Linkerd limits HTTP alone"),
        (2, {"rate_limit": {"requests": 1, "seconds": 2}}, "without burst; change rate_limit of shop/stock"),
        (2, {"rate_limit": {"requests": 1, "seconds": 1, "burst": 5}}, "without burst; change rate_limit of shop/stock"),
        (2, {"allow": [{"from": "orders", "paths": ["/a*"]}]}, "end with a segment, and /a* does not; write /a and /a/*"),
        (2, {"allow": [{"from": "orders", "paths": ["/a/*"]}]}, "has the path itself too, and /a/* has not; write /a and /a/*"),
        (2, {"allow": [{"from": "orders", "paths": ["/a//b"]}]}, "take no path such as /a//b"),
        (2, {"allow": [{"from": "orders", "paths": ["/a/../b"]}]}, "take no path such as /a/../b"),
        (2, {"allow": [{"from": "orders", "methods": ["FETCH"]}]}, "Linkerd knows no method FETCH"),
        (2, {"allow": [{"from": "orders", "paths": ["/a", "/a/*"]}, {"from": "front", "paths": ["/a"]}]}, "cannot tell apart"),
        (2, {"allow": [{"from": "orders", "paths": [f"/{n}" for n in range(65)]}]}, "more than 64 pairs of path and method of shop/stock"),
        (2, {"name": "orders-v1", "allow": []}, "would both have a Kubernetes service orders-v1 in the namespace shop"),
        (1, {"splits": [{"service": "other/there", "weight": 100}]}, "within a namespace alone, and other/there is in another one"),
    ],
)  # fmt: skip
def test_what_linkerd_does_not_do_is_refused_by_name(
    variables: Given, number: int, changed: Given, message: str
) -> None:
    read(variables)
    services = variables["mesh_services"]
    services[number].update(changed)
    services[1]["upstreams"] = [] if "name" in changed else services[1]["upstreams"]
    services[2]["run_as"] = "stock"
    services.append({"name": "there", "tenant": "other", "port": 80, "runs": [{"workload": "there"}]})
    with pytest.raises(model.MeshError) as told:
        read(variables)
    assert message in str(told.value) and str(told.value).startswith(f"mesh_services[{number}]")
    assert str(told.value).count("\n") == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"connect_timeout": 1}, "Linkerd has no connect_timeout of a caller"),
        ({"limits": {"connections": 4}}, "Linkerd has no limits of a caller"),
        ({"ejection": {"interval": 1}}, "remove interval of the ejection of shop/orders"),
        ({"ejection": {"percent": 50}}, "remove percent of the ejection of shop/orders"),
        (
            {"retries": {"retry_on": ["5xx"], "budget_percent": 20}},
            "remove budget_percent of the retries of shop/orders",
        ),
        ({"retries": {"retry_on": ["5xx"], "budget_least": 2}}, "remove budget_least of the retries of shop/orders"),
        ({"retries": {"attempts": 1}}, "give the retries of shop/orders retry_on with 5xx, gateway-error"),
        (
            {"retries": {"retry_on": ["reset"]}},
            "Linkerd does not repeat http on reset; use 5xx, gateway-error for shop/orders",
        ),
    ],
)
def test_what_callers_ask_for_and_linkerd_does_not_do_is_refused(
    variables: Given, changed: Given, message: str
) -> None:
    variables["mesh_services"][0]["upstreams"][0].update(changed)
    with pytest.raises(model.MeshError) as told:
        read(variables)
    assert message in str(told.value) and str(told.value).startswith("mesh_services[0].upstreams[0]")
    assert str(told.value).count("\n") == 0


def test_a_kubernetes_service_with_too_long_a_name_is_refused(variables: Given) -> None:
    name, version = "s" * 21, "v" * 42
    run = {"workload": name, "version": version}
    variables["mesh_services"].append(
        {"name": name, "tenant": "shop", "port": 80, "runs": [run], "splits": [{"subset": version, "weight": 100}]}
    )
    with pytest.raises(model.MeshError, match="would have more than 63 characters"):
        read(variables)


def test_tcp_has_neither_timeout_nor_retries_nor_splits(variables: Given) -> None:
    variables["mesh_services"][1].update(protocol="tcp", allow=[{"from": "front"}])
    with pytest.raises(model.MeshError) as told:
        read(variables)
    assert [line.partition(": ")[2] for line in str(told.value).splitlines()] == [
        *(
            f"shop/orders speaks tcp, for which Linkerd has no {name}; remove it"
            for name in ("ejection", "retries", "timeout")
        ),
        "shop/orders speaks tcp: only HTTP is split here; remove splits",
    ]


def test_callers_that_ask_for_other_things_are_refused(variables: Given) -> None:
    variables["mesh_services"][2]["upstreams"] = [{"name": "orders", "bind": 18081, "timeout": 3}]
    with pytest.raises(
        model.MeshError, match=r"mesh_services\[2\].upstreams\[0\]: callers of shop/orders have other timeouts"
    ):
        read(variables)
    variables["mesh_services"][2]["upstreams"][0] |= variables["mesh_services"][0]["upstreams"][0]
    read(variables)


def test_what_is_of_the_whole_mesh_is_refused_with_its_place(variables: Given) -> None:
    variables["mesh_identity"] = {"trust_domain": "example.org", "leaf_minutes": 60}
    variables["mesh_telemetry"] = {"access_log": "errors", "traces": {"collector": "w1:4318"}}
    variables["mesh_gateways"] = [EDGE, OUT]
    variables["cluster_engine"] = "nomad"
    mesh = model.read({name: variables[name] for name in model.VARIABLES}, HOSTS, "product")
    faults = [str(fault) for fault in refused.refused(mesh, variables)]
    assert [fault.partition(": ")[0] for fault in faults] == [
        "cluster_engine",
        "mesh_identity.leaf_minutes",
        "mesh_identity.trust_domain",
        "mesh_telemetry.access_log",
        "mesh_telemetry.traces",
        "mesh_gateways[0]",
        "mesh_gateways[1]",
    ]
    assert "ingress controller" in faults[5] and "EgressNetwork" in faults[6]


def test_linkerd_is_no_component() -> None:
    with pytest.raises(components.ComponentError) as told:
        components.load("mesh_linkerd", "kubernetes")
    assert "has 'mesh_linkerd': Linkerd is not run by this collection" in str(told.value)
    assert "not tried live" in str(told.value) and "playbook keelson.cluster.mesh_linkerd" in str(told.value)
    with pytest.raises(components.ComponentError, match="this collection has no such component"):
        components.load("mesh", "kubernetes")


# --- the playbook ---------------------------------------------------------------------------------------------------
HOSTVARS = {
    "m1": {"cluster_part": "manager", "cluster_address": "192.0.2.1"},
    "w1": {"cluster_part": "node", "cluster_address": "192.0.2.2"},
}
CLUSTER = {"cluster_name": "product", "cluster_engine": "kubernetes"}


def play(folder: Path, variables: Given, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook for a cluster that is not there."""
    given = {**CLUSTER, "ansible_ssh_executable": "/bin/false", **variables}
    children = {"product": {"hosts": HOSTVARS, "vars": given}, "clusters": {"children": {"product": {}}}}
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    command = [
        "ansible-playbook",
        "-i",
        str(folder / "inventory.yml"),
        str(ROOT / f"playbooks/{playbook}.yml"),
        *arguments,
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def act(path: Path, variables: Given, check_mode: bool = False) -> bool:
    """Run the action alone; whether it changed something."""
    action = mesh_linkerd.ActionModule.__new__(mesh_linkerd.ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    hostvars = {name: {**CLUSTER, **host, **variables} for name, host in HOSTVARS.items()}
    done = action.act({"cluster": "product", "file": str(path)}, {"hostvars": hostvars, "inventory_hostname": "m1"})
    return bool(done["changed"])


def test_the_playbook_writes_one_file_and_connects_to_no_host(
    tmp_path: Path, variables: Given, mesh: model.Mesh
) -> None:
    path = tmp_path / "mine.yml"
    assert act(path, variables, check_mode=True) and not path.exists()
    done = play(tmp_path, variables, "mesh_linkerd", "-e", f"mesh_linkerd_file={path}")
    assert done.returncode == 0 and "changed=1" in done.stdout, done.stdout
    text = path.read_text()
    assert text == written.text(mesh, "product")
    assert list(yaml.safe_load_all(text)) == json.loads(json.dumps(objects.objects(mesh)))
    assert "not tried live" in text and "# shop/front calls orders.shop.svc:8081, not 127.0.0.1:18081.\n" in text
    assert not act(path, variables)


def test_nothing_is_written_when_something_is_refused(tmp_path: Path, variables: Given) -> None:
    variables["mesh_services"][2]["runs"] = [{"hosts": ["w1"]}]
    variables["mesh_services"][2]["run_as"] = "stock"
    with pytest.raises(
        model.MeshError, match=r"The mesh of product .*\n.*shop/stock runs on w1, .*\nNothing was written."
    ):
        act(tmp_path / "linkerd.yml", variables)
    assert not (tmp_path / "linkerd.yml").exists()


def test_a_cluster_with_linkerd_as_a_component_is_told_what_to_do_instead(tmp_path: Path) -> None:
    done = play(tmp_path, {"cluster_components": ["mesh_linkerd"]}, "mesh")
    told = " ".join(done.stdout.split())
    assert done.returncode != 0 and "playbook keelson.cluster.mesh_linkerd" in told, told
