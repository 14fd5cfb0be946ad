# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime on Nomad: functions are its jobs."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...contract import MANAGER, NODE, Owned, Part, Requirements
from ...preflight.model import Cluster, Fault
from .. import preflight
from ..component import COMPONENT as SHARED
from ..places import place
from .jobs import refused

DEFAULT = {False: "172.26.128.0/20", True: "fd26:128::/64"}  # as defaults/main.yml has them, by whether it is of IPv6
SMALLEST = 16
_MANAGER = SHARED.parts[MANAGER]


def instances(variables: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The network of instances, where a site sets it."""
    if network := variables.get("faas_runtime_network"):
        yield "faas_runtime_network", str(network)


def network_is_free(cluster: Cluster) -> Iterable[Fault]:
    """Where the network of instances has addresses of hosts, these would not be reached any more."""
    for host in cluster.hosts:
        given = host.variables.get("faas_runtime_network")
        try:
            network = ipaddress.ip_network(str(given or DEFAULT[":" in host.address]))
            taken = [ipaddress.ip_network(str(one)) for one in host.variables.get("cluster_networks") or ()]
            taken += [ipaddress.ip_network(one.address) for one in cluster.hosts if one.address]
        except ValueError:  # what is no network is told by whom it is for
            return
        where = place("faas_runtime_network", given)
        if inside := [str(one) for one in taken if network.overlaps(one)]:
            text = f"{where}: {network}, the network of instances, overlaps with {', '.join(sorted(set(inside))[:3])}"
            yield Fault("", "functions", text, "set faas_runtime_network to a network that nothing else has")
        elif host.address and network.version != ipaddress.ip_address(host.address).version:
            text = f"{where}: {network} is not of the family of cluster_address ({host.address})"
            yield Fault("", "functions", text, f"use one such as {DEFAULT[':' in host.address]}")
        elif network.num_addresses < SMALLEST:
            text = f"{where}: {network} has no room for instances"
            yield Fault("", "functions", text, f"use one of {SMALLEST} addresses and more")
        return


COMPONENT = replace(
    SHARED,
    parts={
        MANAGER: replace(_MANAGER, secrets=(*_MANAGER.secrets, "/etc/keelson-faas/token")),
        NODE: Part(
            requirements=Requirements(features=("user_namespaces", "bridge", "veth", "nf_tables")),
            services=("keelson-faas-guard.service", "keelson-faas-egress.service"),
            artifacts=("faas-host",),
            owned=Owned(
                trees=("/var/lib/cni/networks/faas", "/var/lib/faas-egress"),
                interfaces=("kfaas",),
                tables=("inet keelson_faas", "inet keelson_faas_egress"),
            ),
        ),
    },
    rules=(functools.partial(preflight.declared, refused=refused, networks=instances), network_is_free),
    checks_module="keelson.cluster.faas_runtime_checks",
)
