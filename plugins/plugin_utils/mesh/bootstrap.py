# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bootstrap of every sidecar has, in the terms of Envoy, whatever tells it the rest.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
"""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import RUN

from .model import Workload

TYPE = "type.googleapis.com/envoy"
EXTENSION = f"{TYPE}.extensions"
HCM = f"{EXTENSION}.filters.network.http_connection_manager.v3.HttpConnectionManager"
CONNECTIONS = 20000  # from services and other sidecars together; below the unit's limit of open files


def socket_address(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def assignment(name: str, addresses: list[tuple[str, int]]) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": socket_address(address, port)}} for address, port in addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}


def admin(service: Workload) -> dict[str, Any]:
    """Whoever reaches the admin socket rules the sidecar: it is a file, for its own account alone."""
    return {"address": {"pipe": {"path": f"{RUN}/{service.id}/admin.sock", "mode": 0o600}}}


def overload_manager() -> dict[str, Any]:
    """A bound on connections."""
    limit = f"{EXTENSION}.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    monitor = {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {"@type": limit, "max_active_downstream_connections": CONNECTIONS},
    }
    return {"resource_monitors": [monitor]}


def metrics(port: int) -> dict[str, Any]:
    """Nothing but the statistics of the admin socket, on loopback."""
    route = {
        "match": {"path": "/stats/prometheus", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "route": {"cluster": "admin"},
    }
    router = {"name": "router", "typed_config": {"@type": f"{EXTENSION}.filters.http.router.v3.Router"}}
    manager = {
        "@type": HCM,
        "stat_prefix": "metrics",
        "route_config": {"virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router],
    }
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": "metrics",
        "address": socket_address("127.0.0.1", port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def admin_cluster(service: Workload) -> dict[str, Any]:
    """The admin socket as a cluster, for those who may see statistics."""
    endpoint = {"endpoint": {"address": {"pipe": {"path": f"{RUN}/{service.id}/admin.sock"}}}}
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": "admin",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "admin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def static(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource of discovery as the bootstrap itself has it."""
    return {name: value for name, value in resource.items() if name != "@type"}
