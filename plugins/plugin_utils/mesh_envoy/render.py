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

from ..mesh.model import HTTP, Instance, Mesh, Service, Upstream
from . import envoy


def sidecar(mesh: Mesh, service: Service, host: str) -> dict[str, dict[str, Any]]:
    """The content of each file in the folder of the sidecar of a service on a host."""
    instance = service.on(host)
    if instance is None:
        raise ValueError(f"{service.key} does not run on {host}")
    listeners, clusters = [_inbound(mesh, service, instance)], [_local(service)]
    files: dict[str, dict[str, Any]] = {}
    if service.protocol in HTTP:
        files["rds_inbound.json"] = envoy.response([_inbound_routes(mesh, service)])
    for upstream in service.upstreams:
        target, shares = mesh.services[upstream.key], mesh.shares(upstream.key)
        listeners.append(_outbound(mesh, service, upstream, target))
        if target.protocol in HTTP:
            files[f"rds_{envoy.plain_name(upstream.key)}.json"] = envoy.response([_outbound_routes(upstream, shares)])
        for other, subset, _weight in shares:
            name = envoy.cluster_name(other, subset)
            clusters.append(envoy.cluster(mesh, service, upstream, other, subset))
            files[f"eds_{envoy.plain_name(name)}.json"] = envoy.response([envoy.endpoints(name, other, subset)])
    if service.metrics_port:
        listeners.append(envoy.metrics(service))
        clusters.append(envoy.admin(service))
    if mesh.collector:
        clusters.append(envoy.collector(mesh.collector))
    unique = {cluster["name"]: cluster for cluster in clusters}
    return {
        "bootstrap.json": envoy.bootstrap(service, host),
        "lds.json": envoy.response(listeners),
        "cds.json": envoy.response(list(unique.values())),
        **files,
    }


def _inbound(mesh: Mesh, service: Service, instance: Instance) -> dict[str, Any]:
    context = {
        "@type": f"{envoy.EXTENSION}.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            **envoy.tls(mesh, service, {"prefix": f"spiffe://{mesh.trust_domain}/"}),
            "alpn_protocols": ["h2", "http/1.1"] if service.protocol in HTTP else [],
        },
    }
    chain: dict[str, Any] = {
        "filters": _inbound_filters(mesh, service, True),
        "transport_socket": {"name": "tls", "typed_config": context},
    }
    listener: dict[str, Any] = {
        "@type": f"{envoy.TYPE}.config.listener.v3.Listener",
        "name": "inbound",
        "stat_prefix": "inbound",
        "address": envoy.socket_address(instance.address, instance.port),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [chain],
    }
    if not service.strict:
        chain["filter_chain_match"] = {"transport_protocol": "tls"}
        plain = {"filters": _inbound_filters(mesh, service, False)}
        listener["filter_chains"].append({**plain, "filter_chain_match": {"transport_protocol": "raw_buffer"}})
        inspector = f"{envoy.EXTENSION}.filters.listener.tls_inspector.v3.TlsInspector"
        listener["listener_filters"] = [{"name": "tls_inspector", "typed_config": {"@type": inspector}}]
    return listener


def _inbound_filters(mesh: Mesh, service: Service, mutual: bool) -> list[dict[str, Any]]:
    """The filters of a connection; without certificates (C(mutual) is False) nobody can be told apart, and all may call."""
    if service.protocol not in HTTP:
        rbac = {
            "@type": f"{envoy.EXTENSION}.filters.network.rbac.v3.RBAC",
            "stat_prefix": "inbound",
            "rules": envoy.rules(mesh, service),
        }
        guard = [{"name": "rbac", "typed_config": rbac}] if mutual else []
        return [*guard, envoy.tcp_filter(mesh, "inbound", {"cluster": "local"}, "inbound")]
    filters = [
        {
            "name": envoy.RBAC,
            # No policy is no access; the route has the policies.
            "typed_config": {"@type": f"{envoy.EXTENSION}.filters.http.rbac.v3.RBAC", "rules": {"action": "ALLOW"}},
        },
        {
            "name": envoy.RATE,
            "typed_config": {
                "@type": f"{envoy.EXTENSION}.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": "rate_limit",
            },
        },
    ]
    ready = {
        "name": "health_check",
        "typed_config": {
            "@type": f"{envoy.EXTENSION}.filters.http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "headers": [{"name": ":path", "string_match": {"exact": envoy.READY}}],
            "cluster_min_healthy_percentages": {"local": {"value": 100}},
        },
    }
    return [
        envoy.http_filter(
            mesh,
            service,
            "inbound",
            [*([ready] if service.placed else []), *(filters if mutual else filters[1:])],
            {
                # What a caller writes of itself never arrives; the service reads who called in this header.
                "forward_client_cert_details": "SANITIZE_SET",
                "set_current_client_cert_details": {"uri": True},
                # A path that two programs read differently would pass a rule for another one.
                "normalize_path": True,
                "merge_slashes": True,
                "path_with_escaped_slashes_action": "REJECT_REQUEST",
            },
        )
    ]


def _inbound_routes(mesh: Mesh, service: Service) -> dict[str, Any]:
    per_filter: dict[str, Any] = {
        envoy.RBAC: {
            "@type": f"{envoy.EXTENSION}.filters.http.rbac.v3.RBACPerRoute",
            "rbac": {"rules": envoy.rules(mesh, service)},
        }
    }
    limit = service.given.get("rate_limit")
    if limit:
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        per_filter[envoy.RATE] = {
            "@type": f"{envoy.EXTENSION}.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "rate_limit",
            "token_bucket": {
                "max_tokens": int(limit.get("burst", limit["requests"])),
                "tokens_per_fill": int(limit["requests"]),
                "fill_interval": envoy.seconds(limit["seconds"]),
            },
            "filter_enabled": always,
            "filter_enforced": always,
        }
    # How long a call may take is for its caller to say.
    route = {"match": {"prefix": "/"}, "route": {"cluster": "local", "timeout": "0s"}}
    return envoy.route_config("inbound", route, per_filter)


def _local(service: Service) -> dict[str, Any]:
    health = service.given.get("health")
    checks = [envoy.health_check(health["path"], health.get("interval", 5), service.protocol)] if health else []
    return {
        "@type": f"{envoy.TYPE}.config.cluster.v3.Cluster",
        "name": "local",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": envoy.assignment("local", [("127.0.0.1", service.port)]),
        "circuit_breakers": envoy.breakers({}),
        **envoy.protocol_options(service.protocol),
        **({"health_checks": checks} if checks and service.protocol in HTTP else {}),
    }


def _outbound(mesh: Mesh, service: Service, upstream: Upstream, target: Service) -> dict[str, Any]:
    name = f"to_{envoy.plain_name(upstream.key)}"
    if target.protocol in HTTP:
        proxy = envoy.http_filter(mesh, service, envoy.plain_name(upstream.key), [], {})
    else:
        shares = [
            {"name": envoy.cluster_name(other, subset), "weight": round(weight * 100)}
            for other, subset, weight in mesh.shares(upstream.key)
            if weight
        ]
        proxy = envoy.tcp_filter(mesh, name, {"weighted_clusters": {"clusters": shares}}, "outbound")
    return {
        "@type": f"{envoy.TYPE}.config.listener.v3.Listener",
        "name": name,
        "stat_prefix": name,
        "traffic_direction": "OUTBOUND",
        "address": envoy.socket_address("127.0.0.1", upstream.bind),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [{"filters": [proxy]}],
    }


def _outbound_routes(upstream: Upstream, shares: list[tuple[Service, str, float]]) -> dict[str, Any]:
    given = upstream.given
    retries = given.get("retries", {})
    clusters = [
        {"name": envoy.cluster_name(service, subset), "weight": round(weight * 100)}
        for service, subset, weight in shares
        if weight
    ]
    policy = {
        "retry_on": ",".join(retries.get("retry_on", envoy.RETRY_ON)),
        "num_retries": int(retries.get("attempts", 2)),
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        # Not once more to the instance that just failed.
        "retry_host_predicate": [
            {
                "name": "previous_hosts",
                "typed_config": {
                    "@type": f"{envoy.EXTENSION}.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                },
            }
        ],
        "host_selection_retry_max_attempts": "3",
    }
    if "timeout" in retries:
        policy["per_try_timeout"] = envoy.seconds(retries["timeout"])
    route = {
        "match": {"prefix": "/"},
        "route": {
            "weighted_clusters": {"clusters": clusters},
            "timeout": envoy.seconds(given.get("timeout", 15)),
            "retry_policy": policy,
        },
    }
    return envoy.route_config(envoy.plain_name(upstream.key), route, {})
