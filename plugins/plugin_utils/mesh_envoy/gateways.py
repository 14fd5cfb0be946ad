# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a gateway: from outside to services by host and path, or from services to destinations outside by name.

Services see a gateway as a caller like another one, and a destination as an upstream like another one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import known

from ..mesh import bootstrap
from ..mesh.model import HTTP, Destination, Gateway, Mesh, Route
from . import envoy

#: Calls that come from anywhere: the client's address is what it is, and what it writes of itself never arrives.
OUTSIDE = {
    "use_remote_address": True,
    "forward_client_cert_details": "SANITIZE",
    "strip_any_host_port": True,
    "request_headers_timeout": "10s",
    "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST", "idle_timeout": "300s"},
    "http2_protocol_options": {"max_concurrent_streams": 100},
    **envoy.ONE_READING,
}
#: What sidecars tell each other is nothing for a destination.
INTERNAL = ("x-forwarded-proto", "x-envoy-expected-rq-timeout-ms", "x-envoy-attempt-count", "x-request-id")


def gateway(mesh: Mesh, given: Gateway, host: str) -> dict[str, dict[str, Any]]:
    """The content of each file in the folder of a gateway on a host."""
    instance = given.on(host)
    if instance is None:
        raise ValueError(f"{given.key} does not run on {host}")
    listener = {
        "@type": f"{bootstrap.TYPE}.config.listener.v3.Listener",
        "name": "gateway",
        "stat_prefix": "gateway",
        "address": bootstrap.socket_address(instance.address, instance.port),
        "per_connection_buffer_limit_bytes": 1 << 20,
    }
    files, clusters = {}, {}
    if given.routes:
        listener["filter_chains"] = [_ingress(mesh, given)]
        files["rds_ingress.json"] = envoy.response([_routes(mesh, given)])
    for upstream in given.upstreams:
        found, addresses = envoy.reached(mesh, given, upstream)
        clusters.update(found)
        files.update(addresses)
    if given.destinations:
        listener["listener_filters"] = [envoy.tls_inspector()]
        listener["filter_chains"] = [_egress(mesh, given, destination) for destination in given.destinations]
    for destination in given.destinations:
        clusters[destination.key] = _outside(given, destination)
        if destination.protocol in HTTP:
            name = envoy.plain_name(destination.key)
            files[f"rds_{name}.json"] = envoy.response([_way_out(mesh, name, destination)])
    return {**envoy.folder(mesh, given, host, [listener], clusters), **files}


def _ingress(mesh: Mesh, given: Gateway) -> dict[str, Any]:
    shown = {"name": "outside", "sds_config": envoy.file_source(f"{places.STATE}/{given.id}/outside.json")}
    context = {
        "@type": f"{bootstrap.EXTENSION}.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": False,
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificate_sds_secret_configs": [shown],
            "alpn_protocols": ["h2", "http/1.1"],
        },
    }
    return {
        "filters": [envoy.http_filter(mesh, given, "ingress", "ingress", [envoy.limiter()], OUTSIDE)],
        "transport_socket": {"name": "tls", "typed_config": context},
    }


def _routes(mesh: Mesh, given: Gateway) -> dict[str, Any]:
    hosts: dict[str, list[Route]] = {}
    for route in given.routes:
        hosts.setdefault(route.host, []).append(route)
    limit = envoy.limit_per_route(given.given.get("rate_limit"))
    return envoy.route_config(
        "ingress",
        [
            {
                "name": host,
                "domains": [host],
                # The longest path that fits decides, whatever the order in the variables.
                "routes": [_route(mesh, route) for route in sorted(routes, key=lambda one: -len(one.path))],
                **({"typed_per_filter_config": limit} if limit else {}),
            }
            for host, routes in hosts.items()
        ],
    )


def _route(mesh: Mesh, route: Route) -> dict[str, Any]:
    """This path and those below it, by whole segments."""
    kind = "prefix" if route.path.endswith("/") else "path_separated_prefix"
    return {"match": {kind: route.path}, "route": envoy.calls(route.upstream, mesh.shares(route.upstream.key))}


def _egress(mesh: Mesh, given: Gateway, destination: Destination) -> dict[str, Any]:
    """The connections for one destination, by the name that sidecars ask for; those for another name are closed."""
    if destination.protocol in HTTP:
        options = {"forward_client_cert_details": "SANITIZE", **envoy.ONE_READING}
        name = envoy.plain_name(destination.key)
        filters = [envoy.http_filter(mesh, given, name, "egress", [envoy.guard()], options)]
    else:
        proxy = envoy.tcp_filter(mesh, envoy.plain_name(destination.key), {"cluster": destination.key}, "egress")
        filters = [envoy.network_guard(mesh, destination), proxy]
    return {
        "filter_chain_match": {
            "transport_protocol": "tls",
            "server_names": [f"{destination.name}.{destination.tenant}"],
        },
        "filters": filters,
        "transport_socket": envoy.mutual_tls(mesh, given, destination.protocol in HTTP),
    }


def _way_out(mesh: Mesh, name: str, destination: Destination) -> dict[str, Any]:
    usual = destination.port == (443 if destination.tls else 80)
    authority = destination.host if usual else f"{destination.host}:{destination.port}"
    # How long a call may take is for its caller to say.
    action = {"cluster": destination.key, "timeout": "0s", "host_rewrite_literal": authority}
    route = {"match": {"prefix": "/"}, "route": action, "request_headers_to_remove": list(INTERNAL)}
    return envoy.route_config(name, [envoy.any_host(name, route, envoy.allow_per_route(mesh, destination))])


def _outside(given: Gateway, destination: Destination) -> dict[str, Any]:
    limits: Mapping[str, Any] = given.given.get("limits", {})
    found = {
        "@type": f"{bootstrap.TYPE}.config.cluster.v3.Cluster",
        "name": destination.key,
        "type": "LOGICAL_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": envoy.seconds(given.given.get("connect_timeout", 5)),
        "circuit_breakers": envoy.breakers(limits),
        "load_assignment": bootstrap.assignment(destination.key, [(destination.host, destination.port)]),
        **envoy.protocol_options(destination.protocol),
    }
    if destination.tls:
        found["transport_socket"] = {"name": "tls", "typed_config": _verified(destination)}
    return found


def _verified(destination: Destination) -> dict[str, Any]:
    """TLS to a destination, which must have a certificate for its name from an authority that is trusted."""
    alpn = {"tcp": [], "http": ["http/1.1"]}.get(destination.protocol, ["h2"])
    try:
        ipaddress.ip_address(destination.host)
        kind, sni = "IP_ADDRESS", {}
    except ValueError:
        kind, sni = "DNS", {"sni": destination.host}
    return {
        "@type": f"{bootstrap.EXTENSION}.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {
            "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
            "alpn_protocols": alpn,
            "validation_context": {
                "trusted_ca": {"filename": destination.given.get("ca", known.PUBLIC_CA)},
                "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": destination.host}}],
            },
        },
        **sni,
    }
