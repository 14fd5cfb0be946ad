# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of preflight that only Kubernetes knows: each is put into a fit cluster, and found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes.defaults import DEFAULTS, SUBNETS
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes.faults import RULES
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster, Host

ROOT = Path(__file__).parents[3]
VERSION = manifest.default_version(*manifest.load("kubelet"))
VARIABLES = {"cluster_endpoint": "api.example.com"}


def host(name: str, number: int, part: str, variables: dict[str, Any], engine: dict[str, Any]) -> Host:
    """A host at 10.0.0.NUMBER; C(engine) is what kubernetes_host says of it."""
    fit = {
        "state": "absent",
        "version": "",
        "leftovers": [],
        "endpoint": {"host": "api.example.com", "addresses": ["10.0.0.5"], "serves": "nobody"},
    }
    address = f"10.0.0.{number}"
    return Host(
        name, "product", part, address, f"{address}:22", {**VARIABLES, **variables}, {"engine": {**fit, **engine}}
    )


def cluster(variables: dict[str, Any] | None = None, **engine: Any) -> Cluster:
    """Three managers and a host node with the same variables and answers."""
    parts = [("m1", 11, "manager"), ("m2", 12, "manager"), ("m3", 13, "manager"), ("n1", 21, "node")]
    hosts = tuple(host(*part, variables or {}, engine) for part in parts)
    return Cluster("product", components.load("kubernetes"), {"all": "10.0.0.0/24"}, hosts)


def faults(found: Cluster) -> list[str]:
    return [f"{fault.host} {fault.kind}: {fault.text}" for rule in RULES for fault in rule(found)]


def member(version: str = VERSION, serves: str = "ours") -> dict[str, Any]:
    return {
        "state": "joined",
        "version": version,
        "endpoint": {"host": "api.example.com", "addresses": ["10.0.0.5"], "serves": serves},
    }


MADE = {"pod_subnet": "10.244.0.0/16", "service_subnet": "10.96.0.0/16", "endpoint": "api.example.com:6443"}


@pytest.mark.parametrize(
    "fit",
    [
        cluster(),
        cluster({"cluster_endpoint": "", "cluster_vip": "10.0.0.100"}),
        cluster({"cluster_endpoint": "https://api.example.com:443/"}),
        cluster({"cluster_pod_subnet": "10.128.0.0/14", "cluster_service_subnet": "10.97.0.0/24"}),
        cluster(**member()),
        cluster(**member(), fixed=MADE),
        cluster(**member("1.35.4")),  # an installation keeps it
    ],
)
def test_a_fit_cluster_has_none(fit: Cluster) -> None:
    assert faults(fit) == []


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"cluster_endpoint": ""}, "has no endpoint"),
        ({"cluster_endpoint": "10.0.0.11"}, "the endpoint 10.0.0.11 is m1's own"),
        ({"cluster_endpoint": "[::ffff:0a00:000b]:6443"}, "the endpoint ::ffff:0a00:000b is m1's own"),
        ({"cluster_endpoint": "", "cluster_vip": "10.0.0.12"}, "the endpoint 10.0.0.12 is m2's own"),
        ({"cluster_endpoint": "two words"}, "the endpoint 'two words' is none"),
        ({"cluster_pod_subnet": "10.244.0.0/23"}, "has room for 2 hosts, the cluster has 4"),
        ({"cluster_pod_subnet": "10.244.0.0/25"}, "has room for 0 hosts"),
        ({"cluster_service_subnet": "10.96.0.0/26"}, "has 64 addresses"),
        ({"cluster_service_subnet": "10.96.0.1/16"}, "'10.96.0.1/16', which is no network"),
    ],
)
def test_variables(variables: dict[str, Any], text: str) -> None:
    found = faults(cluster(variables))
    assert any(text in fault for fault in found), found


BRIDGE = {"cluster_pod_network": "bridge"}


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({**BRIDGE, "cluster_namespaces": [{"name": "shop"}]}, True),
        ({**BRIDGE, "cluster_namespaces": [{"name": "shop", "default_deny": "false"}]}, False),
        ({**BRIDGE, "cluster_namespaces": []}, False),
        (BRIDGE, False),
        ({"cluster_namespaces": [{"name": "shop"}]}, False),
    ],
)
def test_a_pod_network_that_shuts_off_no_namespace(variables: dict[str, Any], found: bool) -> None:
    assert any("so namespaces would not be shut off" in fault for fault in faults(cluster(variables))) == found


def test_a_placement_on_a_pod_network_that_shuts_off_no_namespace() -> None:
    variables = {**BRIDGE, "cluster_placement": str(ROOT / "examples/placement/placement.yml")}
    assert any("so namespaces would not be shut off" in fault for fault in faults(cluster(variables)))


def endpoint(addresses: list[str], serves: str) -> dict[str, Any]:
    return {"endpoint": {"host": "api.example.com", "addresses": addresses, "serves": serves}}


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        (endpoint([], "nobody"), "resolves to nothing here"),
        (endpoint(["10.0.0.5"], "others"), "somebody else's cluster answers"),
        (member(serves="others"), "somebody else's cluster answers"),
        ({"leftovers": ["/var/lib/etcd/member"]}, "leftovers of another cluster: /var/lib/etcd/member"),
        (
            {**member(), "fixed": {**MADE, "pod_subnet": "10.32.0.0/16"}},
            "made with pod_subnet 10.32.0.0/16, and cluster_pod_subnet says 10.244.0.0/16",
        ),
        (
            {**member(), "fixed": {**MADE, "endpoint": "10.0.0.100:6443"}},
            "made with endpoint 10.0.0.100:6443, and cluster_endpoint or cluster_vip says api.example.com:6443",
        ),
    ],
)
def test_what_hosts_say(engine: dict[str, Any], text: str) -> None:
    found = faults(cluster(**engine))
    assert any(text in fault for fault in found), found


def test_a_manager_whom_the_endpoint_does_not_lead_back_is_warned_of() -> None:
    made = cluster(**member())
    lost = replace(made.hosts[0], facts={"engine": member(serves="nobody")})
    found = [fault for rule in RULES for fault in rule(replace(made, hosts=(lost, *made.hosts[1:])))]
    assert [(fault.host, fault.level, fault.text) for fault in found] == [
        ("m1", "warning", "the endpoint api.example.com answers other hosts, not this one")
    ]
    assert "hairpin" in found[0].remedy
    assert faults(cluster(**member(serves="nobody"))) == [], "a cluster that is down answers nobody"


def test_a_new_host_cannot_tell_the_cluster_s_certificate_from_a_unauthorized_s() -> None:
    made = cluster(**member())
    new = host("n2", 22, "node", {}, endpoint(["10.0.0.5"], "others"))
    assert faults(replace(made, hosts=(*made.hosts, new))) == []
    limited = [replace(entry, facts=None) for entry in made.hosts]  # --limit n2
    assert faults(replace(made, hosts=(*limited, new))) == []


def test_a_new_host_beside_a_first_manager_whose_making_was_cut_off() -> None:
    strange, own = endpoint(["10.0.0.5"], "others"), endpoint(["10.0.0.5"], "ours")
    first = host("m1", 11, "manager", {}, {"state": "incomplete", **own})
    others = [host("m2", 12, "manager", {}, strange), host("n1", 21, "node", {}, strange)]
    assert faults(replace(cluster(), hosts=(first, *others))) == []
    assert len(faults(replace(cluster(), hosts=tuple(others)))) == 2


@pytest.mark.parametrize(
    ("version", "wrong"), [("1.36.9", False), ("1.33.1", False), ("1.32.0", True), ("1.37.0", True)]
)
def test_a_host_node_far_from_its_managers(version: str, wrong: bool) -> None:
    managers = cluster({"cluster_kubernetes_version": "1.36.3"}, **member("1.36.3"))
    node = host("n1", 21, "node", {"cluster_kubernetes_version": version}, member(version))
    found = faults(replace(managers, hosts=(*managers.hosts[:3], node)))
    assert any("its managers 1.36" in fault for fault in found) == wrong, found


def test_a_name_that_no_node_can_have() -> None:
    wrong = replace(cluster().hosts[0], name="Manager_1")
    found = faults(replace(cluster(), hosts=(wrong, *cluster().hosts[1:])))
    assert found == ["Manager_1 name: 'Manager_1' cannot be the name of a node"]


def test_the_defaults_of_networks_are_those_that_readers_are_told() -> None:
    options = yaml.safe_load((ROOT / "roles/host_node/meta/argument_specs.yml").read_text())["argument_specs"][
        "prepare"
    ]["options"]
    assert {name: options[name]["default"] for name in DEFAULTS} == DEFAULTS
    files = [
        *ROOT.glob("plugins/**/*.py"),
        *ROOT.glob("roles/*/defaults/**/*.yml"),
        *ROOT.glob("roles/*/vars/**/*.yml"),
    ]
    found = {path.name for path in files if any(str(subnet) in path.read_text() for subnet in SUBNETS.values())}
    assert found == {"defaults.py"}
