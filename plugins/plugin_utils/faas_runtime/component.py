# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the function runtime needs of its hosts, opens and owns on them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from ..contract import MANAGER, NODE, Component, Listener, Owned, Part, Probe, Requirements, Trace
from ..preflight.model import Cluster, Fault
from . import artifacts, egress, functions

GATEWAY, METRICS, CLIENTS, ROUTES, MONITOR = 8480, 8481, 4222, 6222, 8222

# A client of NATS that sends its first command in TLS, where it has a certificate.
_NATS = Probe("tls", request=b"PING\r\n")


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


def declared(cluster: Cluster) -> Iterable[Fault]:
    """What is wrong with the declared functions, before anything is changed."""
    for host in cluster.hosts:
        if host.part != MANAGER or "faas_runtime" not in (host.variables.get("cluster_components") or ()):
            continue
        if cluster.engine.name != "nomad":
            text = f"faas_runtime has no driver for the engine {cluster.engine.name}"
            yield Fault("", "functions", text, "take it out of cluster_components")
            return
        try:
            found = functions.read(host.variables.get("faas_tenants") or [], host.variables.get("faas_functions") or [])
            artifacts.read(found)
            yield from unknown_pools(cluster, found)
            yield from closed(cluster, found)
        except (functions.FunctionError, artifacts.ArtifactError) as error:
            for line in str(error).splitlines():
                yield Fault("", "functions", line, "correct it, then run again")
        return


def own_secrets(
    _cluster: str, _variables: Mapping[str, Any], present: Mapping[str, Any] | None, _change: str
) -> dict[str, Any]:
    """What the passwords of NATS are made from; it stays when other secrets of the cluster are replaced."""
    return dict(present or {"events_key": secrets.token_hex(32)})


COMPONENT = Component(
    name="faas_runtime",
    own_secrets=own_secrets,
    parts={
        MANAGER: Part(
            requirements=Requirements(memory_mib=300, disk_mib={"/opt": 100, "/var/lib": 1000}, features=("systemd",)),
            listeners=(
                Listener(
                    GATEWAY,
                    "tcp",
                    "cluster",
                    "python3",
                    "gateway of functions",
                    probe=Probe("https_login", guarded=("/events/x", "/")),
                ),
                Listener(METRICS, "tcp", "loopback", "python3", "metrics of the gateway"),
                Listener(CLIENTS, "tcp", "cluster", "nats-server", "events for the gateway", probe=_NATS),
                # One manager alone has no routes.
                Listener(
                    ROUTES, "tcp", "cluster", "nats-server", "events between managers", probe=_NATS, optional=True
                ),
                Listener(MONITOR, "tcp", "loopback", "nats-server", "metrics of the events"),
            ),
            services=("keelson-nats.service", "keelson-faas-gateway.service"),
            secrets=(
                "/etc/keelson-faas/tls/key.pem",
                "/etc/keelson-faas/nats.json",
                "/etc/keelson-faas/gateway.json",
                "/etc/keelson-faas/token",
            ),
            account="faas",
            artifacts=("nats-server", "nats-py", "faas-gateway"),
            owned=Owned(trees=("/var/lib/faas",)),
        ),
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
    traces=(Trace("/etc/keelson-faas/cluster.json", name="cluster"),),
    processes=("nats-server",),
    rules=(declared,),
    checks_module="keelson.cluster.faas_runtime_checks",
    groups={"Functions": ("gateway", "events", "function")},
)
