# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight finds wrong with a Kubernetes cluster beyond what every engine asks. RULES lists it all."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import canonical
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.endpoint import HAIRPIN, endpoint, join
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.grammar import GRAMMAR
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.membership import ABSENT, JOINED
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.tenancy import validate

from ..contract import MANAGER, NODE
from ..preflight.model import WARNING, Cluster, Fault
from ..preflight.network import family, link
from ..preflight.tenancy import tenants
from ..steps import number
from .defaults import DEFAULTS, NETWORKS, SUBNETS

# The bits of a node's share of the pods' network: its masks are /24 and /64 unless kube-controller-manager is told others.
NODE_BITS = {4: 8, 6: 64}
MOST_NODE_BITS = 16  # pkg/controller/nodeipam/ipam/cidrset: a mask at most so much longer than the network's
MOST_SERVICE_BITS = 20  # cmd/kube-apiserver/app/options: maxCIDRBits
SERVICES = 256  # fewer addresses for services are soon used up


def _shared(cluster: Cluster, name: str) -> Any:
    """A variable of the whole cluster, as its first host has it."""
    return cluster.hosts[0].variables.get(name) if cluster.hosts else None


def names(cluster: Cluster) -> Iterator[Fault]:
    """A host whose name cannot be a node's. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""
    for host in cluster.hosts:
        if not GRAMMAR.host.permits(host.name):
            text = f"{host.name!r} cannot be the name of a node"
            yield Fault(host.name, "name", text, f"rename it in the stack: {GRAMMAR.host.advice}")


def endpoints(cluster: Cluster) -> Iterator[Fault]:
    """No endpoint, one that is a manager's own, one that leads nowhere, or to somebody else's cluster."""
    given, vip = str(_shared(cluster, "cluster_endpoint") or ""), str(_shared(cluster, "cluster_vip") or "")
    remedy = "give the stacks file an endpoint (a load balancer's name), or set cluster_vip to a free address"
    try:
        name, _port = endpoint(given, vip)
    except ValueError as error:
        yield Fault("", "endpoint", str(error), remedy)
        return
    if not name:
        yield Fault(
            "",
            "endpoint",
            "the cluster has no endpoint, by which it could be reached without its first manager",
            remedy,
        )
        return
    owner = next((h.name for h in cluster.hosts if name == h.name or canonical(name) == canonical(h.address)), "")
    if owner:
        yield Fault("", "endpoint", f"the endpoint {name} is {owner}'s own: it goes when that host goes", remedy)
    # A host that has not joined knows no CA: an unauthorized client's is one where no manager of this cluster has one.
    # One whose making was cut off has the CA, and knows its own API server by it.
    managers = [(host.facts or {}).get("engine", {}) for host in cluster.hosts if host.part == MANAGER]
    none_made = all(
        found.get("state", JOINED) != JOINED and (found.get("endpoint") or {}).get("serves") != "ours"
        for found in managers
    )
    answers = any(
        facts.get("engine", {}).get("endpoint", {}).get("serves") == "ours" for _host, facts in cluster.seen()
    )
    for host, facts in cluster.seen():
        found = facts.get("engine", {}).get("endpoint")
        if not found:
            continue
        if not found["addresses"]:
            text = f"the endpoint {found['host']} resolves to nothing here"
            yield Fault(host.name, "endpoint", text, "correct the name, or this host's name service")
        elif found["serves"] == "others" and (none_made or facts["engine"]["state"] == JOINED):
            text = f"at the endpoint {found['host']} somebody else's cluster answers, with a certificate of another CA"
            yield Fault(
                host.name,
                "endpoint",
                text,
                "correct the endpoint: what is there would be asked instead of this cluster",
            )
        elif found["serves"] == "nobody" and answers and facts["engine"].get("state") == JOINED:
            text = f"the endpoint {found['host']} answers other hosts, not this one"
            yield Fault(host.name, "endpoint", text, HAIRPIN, WARNING)


def networks(cluster: Cluster) -> Iterator[Fault]:
    """Networks of pods and services that are none, too small, or not of the hosts' families."""
    found: dict[str, list[Any]] = {}
    for variable, default in SUBNETS.items():
        value = str(_shared(cluster, variable) or default)
        try:
            found[variable] = [ipaddress.ip_network(text) for text in value.split(",")]
        except ValueError:
            yield Fault("", "network", f"{variable} is {value!r}, which is no network", f"write it as {default}")
            continue
        if len({network.version for network in found[variable]}) < len(found[variable]):
            text = f"{variable} is {value}: two networks of one family"
            yield Fault("", "network", text, "give one network, or one of each family")
    for pods in found.get("cluster_pod_subnet", ()):
        bits = pods.max_prefixlen - pods.prefixlen - NODE_BITS[pods.version]
        if (1 << bits if bits >= 0 else 0) < len(cluster.hosts):
            text = f"cluster_pod_subnet {pods} has room for {1 << bits if bits >= 0 else 0} hosts"
            remedy = (
                f"give it a larger network: every host takes a /{pods.max_prefixlen - NODE_BITS[pods.version]} of it"
            )
            yield Fault("", "network", f"{text}, the cluster has {len(cluster.hosts)}", remedy)
        elif bits > MOST_NODE_BITS:
            text = f"cluster_pod_subnet {pods} is more than the controller manager can divide among hosts"
            yield Fault("", "network", text, f"give it a /{pods.prefixlen + bits - MOST_NODE_BITS} at most")
    for services in found.get("cluster_service_subnet", ()):
        if services.num_addresses < SERVICES:
            text = f"cluster_service_subnet {services} has {services.num_addresses} addresses"
            yield Fault("", "network", text, f"give it {SERVICES} at least: it cannot grow later")
        elif services.max_prefixlen - services.prefixlen > MOST_SERVICE_BITS:
            text = f"cluster_service_subnet {services} is more than the API server takes"
            yield Fault("", "network", text, f"give it a /{services.max_prefixlen - MOST_SERVICE_BITS} at most")
    yield from _families(cluster, found)


def _families(cluster: Cluster, found: Mapping[str, list[Any]]) -> Iterator[Fault]:
    """Pods and services need the family of cluster_address, and every host an address of each of theirs."""
    desired = {variable: sorted({network.version for network in nets}) for variable, nets in found.items()}
    hosts = {family(host.address) for host in cluster.hosts} - {0}
    for variable, versions in desired.items():
        for missing in sorted(hosts - set(versions)) if len(hosts) == 1 else ():
            text = f"{variable} is of IPv{versions[0]}, cluster_address of IPv{missing}"
            yield Fault("", "network", text, f"set {variable} to {NETWORKS[variable][missing]}, or to both families")
    for variable, nets in found.items() if len(hosts) == 1 else ():
        if len(nets) == 2 and nets[0].version not in hosts:
            text = f"{variable} begins with IPv{nets[0].version}, cluster_address is of IPv{nets[1].version}"
            yield Fault("", "network", text, f"write it as {nets[1]},{nets[0]}")
    if len({tuple(versions) for versions in desired.values()}) > 1:
        text = "cluster_pod_subnet and cluster_service_subnet are of different families"
        yield Fault("", "network", text, "give both one network of the same family, or both one of each")
    for host in cluster.hosts if any(len(versions) == 2 for versions in desired.values()) else ():
        interface = link(host)
        have = {ipaddress.ip_interface(entry).version for entry in interface.get("addresses", ())}
        for missing in sorted({4, 6} - have) if have else ():
            text = f"{interface['name']}, which has cluster_address, has no IPv{missing} address"
            yield Fault(host.name, "address family", text, "give it one, or give pods and services one family")


def tunnels(cluster: Cluster) -> Iterator[Fault]:
    """Hosts without VXLAN, by which pod network `calico` reaches other hosts."""
    for host, facts in cluster.seen():
        error = facts.get("features", {}).get("vxlan", "")
        if (
            error
            and facts.get("root")
            and (host.variables.get("cluster_pod_network") or DEFAULTS["cluster_pod_network"]) == "calico"
        ):
            remedy = "boot a kernel with vxlan, load the module that has it, or set cluster_pod_network to bridge"
            yield Fault(host.name, "feature", f"vxlan does not work here: {error}", remedy)


def settled(cluster: Cluster) -> Iterator[Fault]:
    """What a cluster was made with and the inventory now says otherwise: an installation could not change it."""
    desired = {
        "pod_subnet": str(_shared(cluster, "cluster_pod_subnet") or DEFAULTS["cluster_pod_subnet"]),
        "service_subnet": str(_shared(cluster, "cluster_service_subnet") or DEFAULTS["cluster_service_subnet"]),
    }
    try:
        given, vip = str(_shared(cluster, "cluster_endpoint") or ""), str(_shared(cluster, "cluster_vip") or "")
        desired["endpoint"] = join(*endpoint(given, vip))
    except ValueError:
        pass  # `endpoints` tells it
    for host, facts in cluster.seen():
        for name, made in facts.get("engine", {}).get("fixed", {}).items():
            if name in desired and made != desired[name]:
                variable = "cluster_endpoint or cluster_vip" if name == "endpoint" else f"cluster_{name}"
                text = f"the cluster was made with {name} {made}, and {variable} says {desired[name]}"
                yield Fault(host.name, "settled", text, f"put {made} back: a running cluster keeps it")


def skew(cluster: Cluster) -> Iterator[Fault]:
    """Host nodes newer than a manager, or more than three minors older.

    https://kubernetes.io/releases/version-skew-policy/
    """

    def running(part: str) -> Mapping[str, str]:
        found = ((host, facts.get("engine", {})) for host, facts in cluster.seen() if host.part == part)
        return {
            host.name: entry["version"] for host, entry in found if entry.get("version") and entry["state"] == JOINED
        }

    managers = [number(version)[:2] for version in running(MANAGER).values()]
    for name, version in running(NODE).items() if managers else ():
        behind = min(managers)[1] - number(version)[1]
        if behind < 0 or max(managers)[1] - number(version)[1] > 3:
            text = f"runs Kubernetes {version}, its managers 1.{min(managers)[1]}"
            yield Fault(
                name, "version", text, "bring it to its managers' version: never newer, three minors older at most"
            )


def policies(cluster: Cluster) -> Iterator[Fault]:
    """Namespaces that are to be shut off, on a pod network that shuts off none."""
    listed = _shared(cluster, "cluster_namespaces")
    closed = [e for e in listed or [] if isinstance(e, Mapping) and boolean(e.get("default_deny", True), strict=False)]
    placed = listed is None and _shared(cluster, "cluster_placement")
    if _shared(cluster, "cluster_pod_network") == "bridge" and (closed or placed):
        text = "cluster_pod_network is bridge, which holds no network policies, so namespaces would not be shut off"
        instead = "" if placed else ", or set default_deny to false for each"
        yield Fault("", "tenancy", text, f"use another pod network{instead}")


def left(cluster: Cluster) -> Iterator[Fault]:
    """Traces of an earlier cluster on a host that is in none."""
    for host, facts in cluster.seen():
        entry = facts.get("engine", {})
        if entry.get("state") == ABSENT and entry.get("leftovers"):
            text = f"has leftovers of another cluster: {', '.join(entry['leftovers'])}"
            remedy = "make the server anew, or run 'kubeadm reset' on it and delete these"
            yield Fault(host.name, "leftovers", text, remedy)


RULES = (names, endpoints, networks, tunnels, settled, skew, policies, left, tenants(validate))


def container_networks(variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The networks of pods and services, each with its variable."""
    for variable, default in SUBNETS.items():
        for text in str(variables.get(variable) or default).split(","):
            yield variable, text
