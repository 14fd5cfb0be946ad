# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the network: what cannot work is refused before anything changes, and what works is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import network
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.faults import judge
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import WARNING, Cluster, Fault, Host
from preflight_world import cluster, host

VIP = {"cluster_vip": "10.0.0.100", "cluster_endpoint": "api.example.com"}
KNOWN = ("address family", "network", "vip", "resolver", "mtu", "feature")
Change = Callable[[Cluster], Cluster]


def fit(engine: str = "nomad", old: str = "10.0.0.", new: str = "10.0.0.") -> Cluster:
    """A cluster whose hosts have their networks as facts; its addresses may begin otherwise."""
    found = cluster()

    def server(known: Host) -> Host:
        address = known.address.replace(old, new)
        prefix = "64" if ":" in address else "24"
        more = {
            "addresses": [address],
            "interfaces": [{"name": "eth0", "mtu": 1500, "addresses": [f"{address}/{prefix}"]}],
            "routes": [
                {"network": "0.0.0.0/0", "interface": "eth0", "protocol": 3},
                {"network": f"{new}0/24" if "." in new else f"{new}/64", "interface": "eth0", "protocol": 2},
            ],
            "resolvers": [f"{new}1"],
            "features": {**(known.facts or {})["features"], "vxlan": "", "bridge_netfilter": ""},
        }
        variables = {"cluster_part": known.part, "cluster_address": address, "cluster_endpoint": "api.example.com"}
        return replace(known, address=address, variables=variables, facts={**(known.facts or {}), **more})

    networks = {"all": f"{new}0/24" if "." in new else f"{new}/64"}
    return replace(
        found, engine=components.engine(engine), networks=networks, hosts=tuple(server(h) for h in found.hosts)
    )


def each(found: Cluster, names: str, variables: dict[str, Any] | None = None, **facts: Any) -> Cluster:
    """Change variables and facts of the hosts whose names begin so."""

    def changed(known: Host) -> Host:
        if not known.name.startswith(names):
            return known
        more = {**known.variables, **(variables or {})}
        return replace(known, variables=more, facts={**(known.facts or {}), **facts})

    return replace(found, hosts=tuple(changed(h) for h in found.hosts))


def route(to: str, by: str = "eth1", protocol: int = 4) -> list[dict[str, Any]]:
    return [{"network": to, "interface": by, "protocol": protocol}]


def link(*addresses: str, name: str = "eth0", mtu: int = 1500) -> list[dict[str, Any]]:
    return [{"name": name, "mtu": mtu, "addresses": list(addresses)}]


def member(found: Cluster) -> Cluster:
    traces = [{"component": found.engine.name, "name": found.name, "evidence": "x"}]
    return each(found, "", clusters=traces)


def told(found: Cluster) -> list[Fault]:
    return [fault for fault in judge(found) if fault.kind in KNOWN]


SIX = {"old": "10.0.0.", "new": "fd00::"}
PODS_SIX = {
    "cluster_pod_subnet": "fd10:244::/56",
    "cluster_service_subnet": "fd10:96::/112",
}
PODS_BOTH = {
    "cluster_pod_subnet": "10.244.0.0/16,fd10:244::/56",
    "cluster_service_subnet": "10.96.0.0/16,fd10:96::/112",
}


@pytest.mark.parametrize(
    "good",
    [
        fit(),
        fit("kubernetes"),
        fit("nomad", **SIX),
        each(fit("kubernetes", **SIX), "", PODS_SIX),
        each(
            fit("kubernetes"),
            "",
            PODS_BOTH,
            interfaces=link(*(f"10.0.0.{n}/24" for n in (11, 12, 13, 21, 22)), "fd00::1/64"),
        ),
        # One network of many hosts is small everywhere: networks of containers follow.
        each(fit("kubernetes"), "", interfaces=link(*(f"10.0.0.{n}/24" for n in (11, 12, 13, 21, 22)), mtu=1400)),
        # What our own components made is no network of the site's.
        each(fit(), "w", routes=route("172.17.0.0/16", "docker0", 2) + route("172.26.64.0/20", "nomad", 2)),
        each(
            fit("kubernetes"),
            "",
            routes=route("10.244.1.0/26", "vxlan.calico", 80) + route("10.244.3.0/24", "eth0", 201),
        ),
        # Managers of Nomad run no containers.
        each(fit(), "m", routes=route("172.17.4.0/24"), resolvers=["127.0.0.1"]),
        # Another network for the bridge, where the site uses the usual one.
        each(
            fit(),
            "w",
            {
                "host_node_docker_config": {"bip": "192.168.7.1/24"},
                "host_node_nomad_config": {"client": {"bridge_network_subnet": "192.168.8.0/24"}},
            },
            routes=route("172.16.0.0/12"),
        ),
        each(fit("nomad", **SIX), "m", routes=route("::/0", "eth0", 9)),
        each(
            fit("nomad", **SIX),
            "w",
            {"host_node_sysctls": {"net.ipv6.conf.eth0.accept_ra": 2}},
            routes=route("::/0", "eth0", 9),
        ),
        each(fit("kubernetes"), "", VIP, neighbours={"10.0.0.100": ""}),
        # The cluster's own: one of its managers holds it.
        each(
            fit("kubernetes"),
            "m1",
            VIP,
            neighbours={"10.0.0.100": ""},
            addresses=["10.0.0.11", "10.0.0.100"],
            receipts=["kubernetes"],
        ),
        member(each(fit("kubernetes"), "m", VIP, neighbours={"10.0.0.100": "0a:58"})),
        each(fit("kubernetes"), "", {"cluster_pod_network": "bridge"}, features={"vxlan": "not supported"}),
    ],
)
def test_what_works_is_left_alone(good: Cluster) -> None:
    found = [fault for fault in told(good) if fault.kind != "feature" or "vxlan" in fault.text]
    assert found == []


CASES: list[tuple[str, Cluster, str, tuple[str, ...]]] = [
    ("families", replace(fit("nomad", **SIX), hosts=(*fit("nomad", **SIX).hosts, host("w3", 23, "node"))), "w3", ("IPv4 address", "IPv6", "one family")),
    ("overlaps", replace(fit(), networks={"site": "172.17.0.0/16"}), "w1", ("host_node_docker_config.bip 172.17.0.0/16", "network site 172.17.0.0/16")),
    ("overlaps", replace(fit(), networks={"site": "172.26.70.0/24"}), "w1", ("bridge_network_subnet 172.26.64.0/20 overlaps",)),
    ("overlaps", each(fit(), "w1", routes=route("172.16.0.0/12")), "w1", ("172.17.0.0/16 overlaps its route by eth1 to 172.16.0.0/12",)),
    ("overlaps", each(fit(), "w1", interfaces=link("172.26.65.9/24", name="eth1")), "w1", ("interface eth1, 172.26.65.0/24",)),
    ("overlaps", each(fit(), "w1", resolvers=["172.17.0.53"]), "w1", ("overlaps its name server 172.17.0.53",)),
    ("overlaps", each(fit("kubernetes"), "w1", routes=route("10.244.8.0/24")), "w1", ("cluster_pod_subnet 10.244.0.0/16 overlaps its route",)),
    ("overlaps", each(fit("kubernetes"), "m2", routes=route("10.96.0.0/12")), "m2", ("cluster_service_subnet 10.96.0.0/16 overlaps its route",)),
    ("overlaps", each(fit("kubernetes"), "", {"cluster_pod_subnet": "10.0.0.0/16"}), "", ("overlaps the cluster's network all 10.0.0.0/24",)),
    ("overlaps", each(fit("kubernetes"), "", {"cluster_pod_subnet": "10.96.0.0/12"}), "", ("overlaps cluster_service_subnet 10.96.0.0/16",)),
    ("vip", each(fit("kubernetes"), "", {"cluster_vip": "10.1.0.9"}), "m1", ("cluster_vip 10.1.0.9 is in no network of eth0", "10.0.0.0/24")),
    ("vip", each(fit("kubernetes"), "", {"cluster_vip": "10.0.0.9/24"}), "", ("no IP address",)),
    ("vip", each(fit("kubernetes"), "m", VIP, neighbours={"10.0.0.100": "0a:58:01"}), "", ("is taken", "0a:58:01")),
    ("vip", each(fit("kubernetes"), "m1", VIP, addresses=["10.0.0.11", "10.0.0.100"]), "m1", ("10.0.0.100 is an address of this host already",)),
    ("resolvers", each(fit(), "w1", resolvers=["0.0.0.0"]), "w1", ("names 0.0.0.0",)),
    ("resolvers", each(fit("nomad", **SIX), "w1", resolvers=["fe80::1"]), "w1", ("names fe80::1: an address of a link",)),
    ("resolvers", each(fit(), "w1", resolvers=["127.0.0.1", "10.0.0.1"]), "w1", ("names 127.0.0.1", "systemd-resolved")),
    ("resolvers", each(fit("kubernetes"), "m1", resolvers=["::1"]), "m1", ("names ::1",)),
    ("resolvers", each(fit(), "w2", resolvers=[]), "w2", ("names no name server",)),
    ("resolvers", each(fit("nomad", **SIX), "w1", resolvers=["10.0.0.1"]), "w1", ("10.0.0.1 are of IPv4", "no address of it")),
    ("mtu", each(fit(), "w1", interfaces=link("10.0.0.21/24", mtu=1280)), "w1", ("MTU of eth0 is 1280", "needs 1350")),
    ("mtu", each(fit(), "w1", interfaces=link("10.0.0.21/24", mtu=1450)), "w1", ("is 1450, on most hosts it is 1500",)),
    ("networks", fit("kubernetes", **SIX), "", ("cluster_pod_subnet is of IPv4, cluster_address of IPv6", "fd10:244::/56")),
    ("networks", fit("kubernetes", **SIX), "", ("cluster_service_subnet is of IPv4", "fd10:96::/112")),
    ("networks", each(fit("kubernetes"), "", PODS_SIX), "", ("cluster_pod_subnet is of IPv6, cluster_address of IPv4",)),
    ("networks", each(fit("kubernetes"), "", PODS_BOTH), "", ("eth0, which has cluster_address, has no IPv6 address",)),
    ("networks", each(fit("kubernetes"), "", {**PODS_BOTH, "cluster_service_subnet": ""}), "", ("of different families",)),
    ("networks", each(fit("kubernetes"), "", {"cluster_pod_subnet": "10.1.0.0/16,10.2.0.0/16"}), "", ("two networks of one family",)),
    ("networks", each(fit("kubernetes", **SIX), "", {**PODS_SIX, "cluster_pod_subnet": "fd10:244::/32"}), "", ("can divide", "/48")),
    ("networks", each(fit("kubernetes", **SIX), "", {**PODS_SIX, "cluster_pod_subnet": "fd10:244::/64"}), "", ("room for 1 hosts",)),
    ("networks", each(fit("kubernetes", **SIX), "", {**PODS_SIX, "cluster_service_subnet": "fd10:96::/64"}), "", ("than the API server takes",)),
    ("networks", each(fit("kubernetes", **SIX), "", PODS_BOTH), "", ("cluster_pod_subnet begins with IPv4", "fd10:244::/56,10.244.0.0/16")),
    ("networks", each(fit("kubernetes"), "", {**PODS_BOTH, "cluster_pod_subnet": "10.244.0.0/16, fd10:244::/56"}), "", ("is no network",)),
    ("advertised", each(fit("nomad", **SIX), "w1", routes=route("::/0", "eth0", 9)), "w1", ("router advertisements", "net.ipv6.conf.eth0.accept_ra")),
    ("advertised", each(fit("nomad", **SIX), "w1", routes=route("::/0", "eth0.7", 9)), "w1", ("net.ipv6.conf.eth0/7.accept_ra",)),
    ("tunnels", each(fit("kubernetes"), "w1", features={"vxlan": "not supported"}), "w1", ("vxlan does not work here", "bridge")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "where", "words"), CASES)
def test_what_cannot_work_is_told(rule: str, bad: Cluster, where: str, words: tuple[str, ...]) -> None:
    found = [fault for fault in told(bad) if fault.host == where]
    assert any(all(word in f"{fault.text} {fault.remedy}" for word in words) for fault in found), (rule, told(bad))


def test_every_rule_of_the_network_has_a_case() -> None:
    assert {rule.__name__ for rule in network.RULES} <= {name for name, *_rest in CASES}


def test_what_a_member_lives_with_is_a_warning() -> None:
    running = member(each(fit(), "w1", routes=route("172.16.0.0/12"), resolvers=["127.0.0.1"]))
    assert {(fault.kind, fault.level) for fault in told(running)} == {("network", WARNING), ("resolver", WARNING)}


def test_hosts_without_facts_have_no_faults_of_their_own() -> None:
    unseen = replace(fit(), hosts=tuple(replace(h, facts=None) for h in fit().hosts))
    assert told(unseen) == []
