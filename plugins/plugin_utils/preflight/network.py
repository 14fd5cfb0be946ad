# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a cluster's network: what its hosts have, and what its components are going to make. RULES lists all rules."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Union

from ..contract import MANAGER
from .model import ERROR, WARNING, Cluster, Fault, Host, member

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
LEAST_MTU = 1280 + 70  # what IPv6 asks of a link, and what a tunnel (VXLAN over IPv6) takes of it
ADVERTISED = 9  # RTPROT_RA of linux/rtnetlink.h
OWN_ROUTES = 201  # routes of pod network `bridge` bear this protocol (roles/host_node/files/pod_network.py)


def made(cluster: Cluster, host: Host) -> Iterator[tuple[str, Network]]:
    """The networks that the components of a host make on it, each with the variable that sets it; broken ones are left out."""
    for component in cluster.components(host):
        for variable, text in component.networks(host.variables):
            network = parsed(text)
            if network is not None:
                yield variable, network


def parsed(text: str) -> Network | None:
    """A network, or nothing."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def family(address: str) -> int:
    """4 or 6, 0 for what is no address."""
    network = parsed(address)
    return network.version if network else 0


def link(host: Host) -> Mapping[str, Any]:
    """The interface that has the host's cluster_address; empty where the facts have none."""
    for interface in (host.facts or {}).get("interfaces", ()):
        if any(str(ipaddress.ip_interface(entry).ip) == _plain(host.address) for entry in interface["addresses"]):
            found: Mapping[str, Any] = interface
            return found
    return {}


def _plain(address: str) -> str:
    network = parsed(address)
    return str(network.network_address) if network else address


def families(cluster: Cluster) -> Iterator[Fault]:
    """Addresses of both families, of which managers and hosts would not reach each other."""
    known = {host.name: family(host.address) for host in cluster.hosts if family(host.address)}
    if len(set(known.values())) < 2:
        return
    fewer = min((4, 6), key=list(known.values()).count)
    for name in (name for name, version in known.items() if version == fewer):
        text = f"cluster_address is an IPv{fewer} address, that of other hosts IPv{10 - fewer}"
        yield Fault(name, "address family", text, "give all hosts of a cluster a cluster_address of one family")


def overlaps(cluster: Cluster) -> Iterator[Fault]:
    """Networks of containers that lie over each other, over the cluster's own, or over what a host has routes to."""
    fixed = [(f"the cluster's network {name}", parsed(cidr)) for name, cidr in cluster.networks.items()]
    fixed += [(f"{host.name}'s address", parsed(host.address)) for host in cluster.hosts]
    shared: dict[tuple[str, Network], str] = {}
    for host in cluster.hosts:
        own = list(dict.fromkeys(made(cluster, host)))
        around = list(_around(cluster, host))
        for place, (variable, network) in enumerate(own):
            if (variable, network) not in shared:  # the same for many hosts
                shared[variable, network] = _first(network, [*own[place + 1 :], *fixed])
            found = shared[variable, network] or _first(network, around)
            if found:
                remedy = f"choose another {variable}, used nowhere these hosts talk to"
                level = WARNING if not shared[variable, network] and member(cluster, host) else ERROR
                yield Fault(host.name, "network", f"{variable} {network} overlaps {found}", remedy, level)


def _first(network: Network, others: Iterable[tuple[str, Network | None]]) -> str:
    for what, other in others:
        if other is not None and other.version == network.version and network.overlaps(other):
            return f"{what} {other.network_address if other.prefixlen == other.max_prefixlen else other}"
    return ""


def _around(cluster: Cluster, host: Host) -> Iterator[tuple[str, Network | None]]:
    """What the host has and talks to, but for what our own components made there, and default routes."""
    facts = host.facts or {}
    for interface in facts.get("interfaces", ()):
        if not cluster.makes(host, interface["name"]):
            for entry in interface["addresses"]:
                yield f"the network of its interface {interface['name']},", parsed(entry)
    for route in facts.get("routes", ()):
        network = parsed(route["network"])
        own = cluster.makes(host, route["interface"]) or route["protocol"] == OWN_ROUTES
        if network is not None and network.prefixlen and not own:
            yield f"its route by {route['interface']} to", network
    for server in facts.get("resolvers", ()):
        if not _loopback(server):
            yield "its name server", parsed(server)


def _loopback(address: str) -> bool:
    network = parsed(address)
    own = network.network_address if network else None
    return own is not None and (own.is_loopback or own.is_unspecified)


def _of_link(address: str) -> bool:
    """Whether it is an IPv6 address of one link; those of IPv4, which clouds have for name servers, are routed."""
    network = parsed(address)
    return network is not None and network.version == 6 and network.is_link_local


def vip(cluster: Cluster) -> Iterator[Fault]:
    """A cluster_vip that cannot move among the managers, or that another machine has."""
    managers = [host for host in cluster.hosts if host.part == MANAGER]
    given = str(managers[0].variables.get("cluster_vip") or "") if managers else ""
    address = parsed(given)
    if not given:
        return
    if address is None or "/" in given:
        yield Fault("", "vip", f"cluster_vip is {given!r}, which is no IP address", "set it to a free address")
        return
    for host in managers:
        interface = link(host)
        near = [ipaddress.ip_interface(entry).network for entry in interface.get("addresses", ())]
        if near and not any(address.network_address in network for network in near):
            text = f"cluster_vip {given} is in no network of {interface['name']}, which has cluster_address"
            remedy = f"choose a free address of {near[0]}: it moves among the managers"
            yield Fault(host.name, "vip", text, remedy)
    having = [(host, facts) for host, facts in cluster.seen() if _plain(given) in facts.get("addresses", ())]
    for host, facts in having:
        if cluster.engine.name not in facts["receipts"] and not member(cluster, host):
            text = f"cluster_vip {given} is an address of this host already, and moves among the managers"
            yield Fault(host.name, "vip", text, "choose a free address of the managers' network")
    if having or any(member(cluster, host) for host in cluster.hosts):
        return
    holders = {host.name: (host.facts or {}).get("neighbours", {}).get(given) for host in managers}
    for holder in sorted({mac for mac in holders.values() if mac}):
        text = f"cluster_vip {given} is taken: a machine with the hardware address {holder} answers there"
        yield Fault("", "vip", text, "choose a free address of the managers' network, or switch that machine off")


def resolvers(cluster: Cluster) -> Iterator[Fault]:
    """Name servers that containers cannot reach: each has a loopback address of its own."""
    for host, facts in cluster.seen():
        servers = facts.get("resolvers")
        if servers is None or not any(made(cluster, host)):
            continue
        level = WARNING if member(cluster, host) else ERROR
        remedy = "put name servers that containers reach into /etc/resolv.conf, or use systemd-resolved"
        inside = [server for server in servers if _loopback(server)]
        beside = [server for server in servers if _of_link(server)]
        if beside:
            text = f"/etc/resolv.conf names {', '.join(beside)}: an address of a link, which no container is on"
            yield Fault(host.name, "resolver", text, remedy, level)
        if inside:
            text = f"/etc/resolv.conf names {', '.join(inside)}: in a container that is the container itself"
            yield Fault(host.name, "resolver", text, remedy, level)
        elif not servers:
            yield Fault(host.name, "resolver", "/etc/resolv.conf names no name server", remedy, level)
        elif facts.get("interfaces") and not {family(server) for server in servers} & _has(facts):
            text = (
                f"the name servers {', '.join(servers)} are of IPv{family(servers[0])}, the host has no address of it"
            )
            yield Fault(host.name, "resolver", text, "name servers that the host reaches", WARNING)


def _has(facts: Mapping[str, Any]) -> set[int]:
    """The families of which a host has an address that others reach."""
    own = (ipaddress.ip_interface(entry).ip for known in facts["interfaces"] for entry in known["addresses"])
    return {address.version for address in own if not (address.is_loopback or address.is_link_local)}


def mtu(cluster: Cluster) -> Iterator[Fault]:
    """A link too small for a tunnel, and links of several sizes. Networks of containers follow one that is merely small."""
    sizes = {host.name: (found["name"], found["mtu"]) for host in cluster.hosts if (found := link(host))}
    if not sizes:
        return
    usual = Counter(size for _name, size in sizes.values()).most_common(1)[0][0]
    for name, (interface, size) in sizes.items():
        if size < LEAST_MTU:
            text = f"the MTU of {interface} is {size}: a network of containers over it needs {LEAST_MTU}"
            yield Fault(name, "mtu", text, "give the interface a larger MTU (1500 is usual)")
        elif size != usual:
            text = f"the MTU of {interface} is {size}, on most hosts it is {usual}: large packets between them are lost"
            yield Fault(name, "mtu", text, "give all hosts of the cluster one MTU", WARNING)


def advertised(cluster: Cluster) -> Iterator[Fault]:
    """A default route of IPv6 by router advertisements, which the kernel ignores once it forwards for containers."""
    for host, facts in cluster.seen():
        if family(host.address) != 6 or not any(made(cluster, host)):
            continue
        for route in facts.get("routes", ()):
            setting = f"net.ipv6.conf.{route['interface'].replace('.', '/')}.accept_ra"  # sysctl.d(5)
            given = str((host.variables.get("host_node_sysctls") or {}).get(setting, ""))
            if route["network"] == "::/0" and route["protocol"] == ADVERTISED and given != "2":
                text = f"its default route by {route['interface']} is from router advertisements, ignored where containers run"
                yield Fault(host.name, "network", text, f'set host_node_sysctls: {{{setting}: "2"}}', WARNING)


RULES = (families, overlaps, vip, resolvers, mtu, advertised)
