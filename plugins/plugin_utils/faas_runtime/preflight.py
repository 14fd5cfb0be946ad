# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of preflight for declared functions."""

from __future__ import annotations

from collections.abc import Iterable

from ..contract import MANAGER
from ..preflight.model import Cluster, Fault
from . import artifacts, egress, functions


def unknown_pools(cluster: Cluster, found: functions.Declared) -> Iterable[Fault]:
    """Tenants whose functions would wait for hosts for ever."""
    pools = sorted({str(host.variables["cluster_pool"]) for host in cluster.hosts if "cluster_pool" in host.variables})
    for tenant in found.tenants.values():
        if tenant.pool not in pools:
            text = f"faas_tenants: {tenant.name} has the pool {tenant.pool}, which has no host"
            yield Fault("", "functions", text, f"use one of {', '.join(pools) or 'none'}, or add hosts")


def closed(cluster: Cluster, found: functions.Declared) -> Iterable[Fault]:
    """Destinations that would be refused at every call: the cluster's own hosts."""
    hosts = [host.address for host in cluster.hosts if host.address]
    for function in found.functions:
        for entry in function.destinations:
            if address := egress.closed_to(entry, hosts):
                text = f"{function.label} may not reach {entry}: {address} is a host of the cluster"
                yield Fault("", "functions", text, "take it out of egress and services; call functions by the gateway")


def declared(cluster: Cluster, refused: functions.Refused) -> Iterable[Fault]:
    """What is wrong with the declared functions, or refused by an engine, before anything is changed."""
    for host in cluster.hosts:
        if host.part != MANAGER or "faas_runtime" not in (host.variables.get("cluster_components") or ()):
            continue
        try:
            tenants, given = host.variables.get("faas_tenants") or [], host.variables.get("faas_functions") or []
            gateways = sum(one.part == MANAGER for one in cluster.hosts)
            found = functions.read(tenants, given, refused, gateways)
            artifacts.read(found)
            yield from unknown_pools(cluster, found)
            yield from closed(cluster, found)
        except (functions.FunctionError, artifacts.ArtifactError) as error:
            for line in str(error).splitlines():
                yield Fault("", "functions", line, "correct it, then run again")
        return
