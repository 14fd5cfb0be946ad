# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of preflight for declared functions."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..contract import MANAGER
from ..preflight.model import Cluster, Fault
from . import artifacts, egress, functions, gateway, rules
from .places import place

Networks = Callable[
    [Mapping[str, Any]], Iterable[tuple[str, str]]
]  # of a manager's variables: who says so, and a network


def without_hosts(cluster: Cluster, asked: Iterable[tuple[str, str]]) -> Iterable[Fault]:
    """Pools, each with who asks for it, where something would wait for hosts for ever."""
    pools = sorted(
        {str(host.variables["cluster_pool"]) for host in cluster.hosts if host.variables.get("cluster_pool")}
    )
    for who, pool in asked:
        if pool not in pools:
            remedy = f"use one of {', '.join(pools) or 'none'}, or add hosts"
            yield Fault("", "functions", f"{who} {pool}, which has no host", remedy)


def closed(cluster: Cluster, found: functions.Declared, networks: Iterable[tuple[str, str]]) -> Iterable[Fault]:
    """Destinations that would be refused at every call: the cluster's own hosts and networks, and what the site closes."""
    reasons = {host.address: "a host of the cluster" for host in cluster.hosts if host.address}
    for why, network in networks:
        with contextlib.suppress(ValueError):  # what is no network is told by whom it is for
            reasons[str(ipaddress.ip_network(network))] = f"closed to functions ({why})"
    for function in found.functions:
        for key, entries in (("egress", function.egress), ("services", function.services.values())):
            for entry in entries:
                if network := egress.closed_to(entry, reasons):
                    text = f"{function.label} may not reach {entry}: {network} is {reasons[network]}"
                    remedy = "take it out of egress and services; call functions by the gateway"
                    yield Fault("", "functions", f"{found.place(function.label, key)}: {text}", remedy)


def settings(variables: Mapping[str, Any]) -> Iterable[Fault]:
    """The runtime's own variables; a number may be text, as on a command line."""
    for name, rule in rules.SETTINGS.items():
        value = variables.get(name)
        for found, rest, text in rule(int(value) if str(value).isdigit() else value) if value else ():
            yield Fault(
                "", "functions", f"{place(f'{name}{rest}', found, value)}: {text}", "correct it, then run again"
            )


def of_others(found: functions.Declared, namespaces: Iterable[Any]) -> Iterable[Fault]:
    """Namespaces of tenants that the site has for other things too: who comes last would change, or remove, what the other has."""
    names = {str(entry.get("name")) for entry in namespaces if isinstance(entry, Mapping)}
    for name in found.tenants:
        if (space := gateway.namespace(name)) in names:
            text = f"{found.place(name, 'name')}: the namespace {space} of {name} is in cluster_namespaces too"
            yield Fault("", "functions", text, "take it out of there, or give the tenant another name")


def declared(cluster: Cluster, refused: functions.Refused, networks: Networks = lambda _given: ()) -> Iterable[Fault]:
    """What is wrong with the declared functions, or refused by an engine, before anything is changed. `networks` are those of the engine."""
    for host in cluster.hosts:
        if host.part != MANAGER or "faas_runtime" not in (host.variables.get("cluster_components") or ()):
            continue
        yield from settings(host.variables)
        try:
            tenants, given = host.variables.get("faas_tenants") or [], host.variables.get("faas_functions") or []
            gateways = sum(one.part == MANAGER for one in cluster.hosts)
            found = functions.read(tenants, given, refused, gateways)
            artifacts.read(found)
            tenants_of = found.tenants.values()
            asked = [(f"{found.place(one.name, 'pool')}: {one.name} has the pool", one.pool) for one in tenants_of]
            if probes := str(host.variables.get("faas_runtime_probes") or ""):
                asked.append(("faas_runtime_probes is", probes))
            yield from without_hosts(cluster, asked)
            yield from of_others(found, host.variables.get("cluster_namespaces") or ())
            own = [("faas_runtime_closed", str(one)) for one in host.variables.get("faas_runtime_closed") or ()]
            yield from closed(cluster, found, [*networks(host.variables), *own])
        except (functions.FunctionError, artifacts.ArtifactError) as error:
            for line in str(error).splitlines():
                yield Fault("", "functions", line, "correct it, then run again")
        return
