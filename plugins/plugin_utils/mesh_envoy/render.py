# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a sidecar: a static bootstrap, and everything else by file discovery, so that a change is a rename.

What changes often is outside the listeners: allow rules, splits, timeouts and retries are routes (RDS), addresses of
instances are endpoints (EDS), keys and certificates are secrets (SDS). So a change of rules closes no connection, and
holds for open ones too. https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
"""

from __future__ import annotations

from typing import Any

from ..mesh import bootstrap
from ..mesh.model import HTTP, Callee, Instance, Mesh, Service, Upstream
from . import envoy


def sidecar(mesh: Mesh, service: Service, host: str) -> dict[str, dict[str, Any]]:
    """The content of each file in the folder of the sidecar of a service on a host."""
    instance = service.on(host)
    if instance is None:
        raise ValueError(f"{service.key} does not run on {host}")
    listeners, clusters = [_inbound(mesh, service, instance)], {"local": _local(service)}
    files: dict[str, dict[str, Any]] = {}
    if service.protocol in HTTP:
        files["rds_inbound.json"] = envoy.response([_inbound_routes(mesh, service)])
    for upstream in service.upstreams:
        target = mesh.callees[upstream.key]
        listeners.append(_outbound(mesh, service, upstream, target))
        if target.protocol in HTTP:
            name = envoy.plain_name(upstream.key)
            route = {"match": {"prefix": "/"}, "route": envoy.calls(upstream, mesh.shares(upstream.key))}
            files[f"rds_{name}.json"] = envoy.response([envoy.route_config(name, [envoy.any_host(name, route, {})])])
        found, addresses = envoy.reached(mesh, service, upstream)
        clusters.update(found)
        files.update(addresses)
    return {**envoy.folder(mesh, service, host, listeners, clusters), **files}


def _inbound(mesh: Mesh, service: Service, instance: Instance) -> dict[str, Any]:
    chain: dict[str, Any] = {
        "filters": _inbound_filters(mesh, service, True),
        "transport_socket": envoy.mutual_tls(mesh, service, service.protocol in HTTP),
    }
    listener: dict[str, Any] = {
        "@type": f"{bootstrap.TYPE}.config.listener.v3.Listener",
        "name": "inbound",
        "stat_prefix": "inbound",
        "address": bootstrap.socket_address(instance.address, instance.port),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [chain],
    }
    if not service.strict:
        chain["filter_chain_match"] = {"transport_protocol": "tls"}
        plain = {"filters": _inbound_filters(mesh, service, False)}
        listener["filter_chains"].append({**plain, "filter_chain_match": {"transport_protocol": "raw_buffer"}})
        listener["listener_filters"] = [envoy.tls_inspector()]
    return listener


def _inbound_filters(mesh: Mesh, service: Service, mutual: bool) -> list[dict[str, Any]]:
    """The filters of a connection; without certificates (C(mutual) is False) nobody can be told apart, and all may call."""
    if service.protocol not in HTTP:
        guard = [envoy.network_guard(mesh, service)] if mutual else []
        return [*guard, envoy.tcp_filter(mesh, "inbound", {"cluster": "local"}, "inbound")]
    ready = {
        "name": "health_check",
        "typed_config": {
            "@type": f"{bootstrap.EXTENSION}.filters.http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "headers": [{"name": ":path", "string_match": {"exact": envoy.READY}}],
            "cluster_min_healthy_percentages": {"local": {"value": 100}},
        },
    }
    filters = [*([ready] if service.placed else []), *([envoy.guard()] if mutual else []), envoy.limiter()]
    # What a caller writes of itself never arrives; the service reads who called in this header.
    named = {"forward_client_cert_details": "SANITIZE_SET", "set_current_client_cert_details": {"uri": True}}
    return [envoy.http_filter(mesh, service, "inbound", "inbound", filters, {**named, **envoy.ONE_READING})]


def _inbound_routes(mesh: Mesh, service: Service) -> dict[str, Any]:
    per_filter = {**envoy.allow_per_route(mesh, service), **envoy.limit_per_route(service.given.get("rate_limit"))}
    # How long a call may take is for its caller to say.
    route = {"match": {"prefix": "/"}, "route": {"cluster": "local", "timeout": "0s"}}
    return envoy.route_config("inbound", [envoy.any_host("inbound", route, per_filter)])


def _local(service: Service) -> dict[str, Any]:
    health = service.given.get("health")
    checks = [envoy.health_check(health["path"], health.get("interval", 5), service.protocol)] if health else []
    return {
        "@type": f"{bootstrap.TYPE}.config.cluster.v3.Cluster",
        "name": "local",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": bootstrap.assignment("local", [("127.0.0.1", service.port)]),
        "circuit_breakers": envoy.breakers({}),
        **envoy.protocol_options(service.protocol),
        **({"health_checks": checks} if checks and service.protocol in HTTP else {}),
    }


def _outbound(mesh: Mesh, service: Service, upstream: Upstream, target: Callee) -> dict[str, Any]:
    name = f"to_{envoy.plain_name(upstream.key)}"
    if target.protocol in HTTP:
        proxy = envoy.http_filter(mesh, service, envoy.plain_name(upstream.key), "outbound", [], {})
    else:
        proxy = envoy.tcp_filter(mesh, name, envoy.weighted(mesh.shares(upstream.key)), "outbound")
    return {
        "@type": f"{bootstrap.TYPE}.config.listener.v3.Listener",
        "name": name,
        "stat_prefix": name,
        "traffic_direction": "OUTBOUND",
        "address": bootstrap.socket_address("127.0.0.1", upstream.bind),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [{"filters": [proxy]}],
    }
