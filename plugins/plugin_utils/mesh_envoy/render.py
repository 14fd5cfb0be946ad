# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a sidecar: a static bootstrap, and everything else by file discovery, so that a change is a rename.

What changes often is outside the listeners: allow rules, splits, timeouts and retries are routes (RDS), addresses of
instances are endpoints (EDS), keys and certificates are secrets (SDS). So a change of rules closes no connection, and
holds for open ones too. https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy.places import CONFIG, RUN, STATE

from ..mesh.model import HTTP, Instance, Mesh, Rule, Service, Upstream

TYPE = "type.googleapis.com/envoy"
EXTENSION = f"{TYPE}.extensions"
HCM = f"{EXTENSION}.filters.network.http_connection_manager.v3.HttpConnectionManager"
RBAC = "envoy.filters.http.rbac"
RATE = "envoy.filters.http.local_ratelimit"
READY = "/.mesh/ready"  # asked by sidecars of callers, answered by that of the service
CONNECTIONS = 20000  # from services and other sidecars together; below the unit's limit of open files
#: Safe for any request: the instance has seen nothing of it.
RETRY_ON = ("connect-failure", "refused-stream", "reset-before-request")
LOG = {
    "time": "%START_TIME%",
    "side": "",
    "caller": "%DOWNSTREAM_PEER_URI_SAN%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "failure": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    "upstream_failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "ms": "%DURATION%",
    "upstream": "%UPSTREAM_HOST%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "trace": "%TRACE_ID%",
}


def sidecar(mesh: Mesh, service: Service, host: str) -> dict[str, dict[str, Any]]:
    """The content of each file in the folder of the sidecar of a service on a host."""
    instance = service.on(host)
    if instance is None:
        raise ValueError(f"{service.key} does not run on {host}")
    listeners, clusters = [_inbound(mesh, service, instance)], [_local(service)]
    files: dict[str, dict[str, Any]] = {}
    if service.protocol in HTTP:
        files["rds_inbound.json"] = _resources([_inbound_routes(mesh, service)])
    for upstream in service.upstreams:
        target, shares = mesh.services[upstream.key], mesh.shares(upstream.key)
        listeners.append(_outbound(mesh, service, upstream, target))
        if target.protocol in HTTP:
            files[f"rds_{_name(upstream.key)}.json"] = _resources([_outbound_routes(upstream, shares)])
        for other, subset, _weight in shares:
            name = cluster_name(other, subset)
            clusters.append(_cluster(mesh, service, upstream, other, subset))
            files[f"eds_{_name(name)}.json"] = _resources([_endpoints(name, other, subset)])
    if service.metrics_port:
        listeners.append(_metrics(service))
        clusters.append(_admin(service))
    if mesh.collector:
        clusters.append(_collector(mesh.collector))
    unique = {cluster["name"]: cluster for cluster in clusters}
    return {
        "bootstrap.json": _bootstrap(service, host),
        "lds.json": _resources(listeners),
        "cds.json": _resources(list(unique.values())),
        **files,
    }


def cluster_name(service: Service, subset: str) -> str:
    """What a service, or a version of it, is called in Envoy's statistics."""
    return f"{service.key}:{subset}" if subset else service.key


def _name(text: str) -> str:
    return text.replace("/", "_").replace(":", "_")


def _resources(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A discovery response, whose version is the digest of what it holds."""
    digest = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()
    return {"version_info": digest[:16], "resources": resources}


def _file(path: str) -> dict[str, Any]:
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def _config(service: Service, name: str) -> dict[str, Any]:
    return _file(f"{CONFIG}/{service.id}/{name}")


def _bootstrap(service: Service, host: str) -> dict[str, Any]:
    return {
        "node": {"id": f"{service.id}@{host}", "cluster": service.id},
        # Whoever reaches the admin socket rules the sidecar: it is a file, for its own account alone.
        "admin": {"address": {"pipe": {"path": f"{RUN}/{service.id}/admin.sock", "mode": 0o600}}},
        "dynamic_resources": {"lds_config": _config(service, "lds.json"), "cds_config": _config(service, "cds.json")},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{EXTENSION}.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": CONNECTIONS,
                    },
                }
            ]
        },
    }


def _address(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def _tls(mesh: Mesh, service: Service, peer: Mapping[str, str]) -> dict[str, Any]:
    """Keys and trust of a sidecar, from files that the renewal replaces; C(peer) matches the SPIFFE ID of the other side."""
    matcher = {"san_type": "URI", "matcher": dict(peer)}
    return {
        # A client of Envoy ends at 1.2 unless told otherwise.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificate_sds_secret_configs": [
            {"name": "identity", "sds_config": _file(f"{STATE}/{service.id}/identity.json")}
        ],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [matcher]},
            "validation_context_sds_secret_config": {
                "name": "trust",
                "sds_config": _file(f"{STATE}/{service.id}/trust.json"),
            },
        },
    }


# --- inbound: from other sidecars to the service ---------------------------------------------------------------------


def _inbound(mesh: Mesh, service: Service, instance: Instance) -> dict[str, Any]:
    context = {
        "@type": f"{EXTENSION}.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            **_tls(mesh, service, {"prefix": f"spiffe://{mesh.trust_domain}/"}),
            "alpn_protocols": ["h2", "http/1.1"] if service.protocol in HTTP else [],
        },
    }
    chain: dict[str, Any] = {
        "filters": _inbound_filters(mesh, service, True),
        "transport_socket": {"name": "tls", "typed_config": context},
    }
    listener: dict[str, Any] = {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": "inbound",
        "stat_prefix": "inbound",
        "address": _address(instance.address, instance.port),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [chain],
    }
    if not service.strict:
        chain["filter_chain_match"] = {"transport_protocol": "tls"}
        plain = {"filters": _inbound_filters(mesh, service, False)}
        listener["filter_chains"].append({**plain, "filter_chain_match": {"transport_protocol": "raw_buffer"}})
        inspector = f"{EXTENSION}.filters.listener.tls_inspector.v3.TlsInspector"
        listener["listener_filters"] = [{"name": "tls_inspector", "typed_config": {"@type": inspector}}]
    return listener


def _inbound_filters(mesh: Mesh, service: Service, mutual: bool) -> list[dict[str, Any]]:
    """The filters of a connection; without certificates (C(mutual) is False) nobody can be told apart, and all may call."""
    if service.protocol not in HTTP:
        rbac = {
            "@type": f"{EXTENSION}.filters.network.rbac.v3.RBAC",
            "stat_prefix": "inbound",
            "rules": _rules(mesh, service),
        }
        guard = [{"name": "rbac", "typed_config": rbac}] if mutual else []
        return [*guard, _tcp_proxy(mesh, "inbound", {"cluster": "local"}, "inbound")]
    filters = [
        {
            "name": RBAC,
            # No policy is no access; the route has the policies.
            "typed_config": {"@type": f"{EXTENSION}.filters.http.rbac.v3.RBAC", "rules": {"action": "ALLOW"}},
        },
        {
            "name": RATE,
            "typed_config": {
                "@type": f"{EXTENSION}.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": "rate_limit",
            },
        },
    ]
    ready = {
        "name": "health_check",
        "typed_config": {
            "@type": f"{EXTENSION}.filters.http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "headers": [{"name": ":path", "string_match": {"exact": READY}}],
            "cluster_min_healthy_percentages": {"local": {"value": 100}},
        },
    }
    return [
        _http(
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
        RBAC: {
            "@type": f"{EXTENSION}.filters.http.rbac.v3.RBACPerRoute",
            "rbac": {"rules": _rules(mesh, service)},
        }
    }
    limit = service.given.get("rate_limit")
    if limit:
        always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        per_filter[RATE] = {
            "@type": f"{EXTENSION}.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "rate_limit",
            "token_bucket": {
                "max_tokens": int(limit.get("burst", limit["requests"])),
                "tokens_per_fill": int(limit["requests"]),
                "fill_interval": _seconds(limit["seconds"]),
            },
            "filter_enabled": always,
            "filter_enforced": always,
        }
    # How long a call may take is for its caller to say.
    route = {"match": {"prefix": "/"}, "route": {"cluster": "local", "timeout": "0s"}}
    return _route_config("inbound", route, per_filter)


def _rules(mesh: Mesh, service: Service) -> dict[str, Any]:
    """The allow rules; without any, nobody may call. A rule's name is its number, as refusals and statistics tell it."""
    policies = {
        f"allow[{number}]": {"principals": [_principal(mesh, rule)], "permissions": [_permission(rule)]}
        for number, rule in enumerate(service.allow)
    }
    return {"action": "ALLOW", **({"policies": policies} if policies else {})}


def _principal(mesh: Mesh, rule: Rule) -> dict[str, Any]:
    tenant, name = rule.caller.split("/")
    known = f"spiffe://{mesh.trust_domain}/ns/{tenant}/svc/"
    return {"authenticated": {"principal_name": {"prefix": known} if name == "*" else {"exact": known + name}}}


def _permission(rule: Rule) -> dict[str, Any]:
    methods = [{"header": {"name": ":method", "string_match": {"exact": method}}} for method in rule.methods]
    paths = [{"url_path": {"path": _path(path)}} for path in rule.paths]
    both = [{"or_rules": {"rules": some}} for some in (methods, paths) if some]
    return {"and_rules": {"rules": both}} if both else {"any": True}


def _path(path: str) -> dict[str, str]:
    return {"prefix": path[:-1]} if path.endswith("*") else {"exact": path}


def _local(service: Service) -> dict[str, Any]:
    health = service.given.get("health")
    checks = [_health(health["path"], health.get("interval", 5), service.protocol)] if health else []
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": "local",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": _assignment("local", [("127.0.0.1", service.port)]),
        "circuit_breakers": _breakers({}),
        **_protocol(service.protocol),
        **({"health_checks": checks} if checks and service.protocol in HTTP else {}),
    }


def _health(path: str, interval: Any, protocol: str) -> dict[str, Any]:
    codec = "HTTP1" if protocol == "http" else "HTTP2"
    return {
        "timeout": "1s",
        "interval": _seconds(interval),
        "no_traffic_interval": _seconds(interval),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        # Without a host it would be the name of the cluster, which no server takes.
        "http_health_check": {"host": "localhost", "path": path, "codec_client_type": codec},
    }


# --- outbound: from the service to its upstreams ---------------------------------------------------------------------


def _outbound(mesh: Mesh, service: Service, upstream: Upstream, target: Service) -> dict[str, Any]:
    name = f"to_{_name(upstream.key)}"
    if target.protocol in HTTP:
        proxy = _http(mesh, service, _name(upstream.key), [], {})
    else:
        shares = [
            {"name": cluster_name(other, subset), "weight": round(weight * 100)}
            for other, subset, weight in mesh.shares(upstream.key)
            if weight
        ]
        proxy = _tcp_proxy(mesh, name, {"weighted_clusters": {"clusters": shares}}, "outbound")
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": name,
        "stat_prefix": name,
        "traffic_direction": "OUTBOUND",
        "address": _address("127.0.0.1", upstream.bind),
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [{"filters": [proxy]}],
    }


def _outbound_routes(upstream: Upstream, shares: list[tuple[Service, str, float]]) -> dict[str, Any]:
    given = upstream.given
    retries = given.get("retries", {})
    clusters = [
        {"name": cluster_name(service, subset), "weight": round(weight * 100)}
        for service, subset, weight in shares
        if weight
    ]
    policy = {
        "retry_on": ",".join(retries.get("retry_on", RETRY_ON)),
        "num_retries": int(retries.get("attempts", 2)),
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        # Not once more to the instance that just failed.
        "retry_host_predicate": [
            {
                "name": "previous_hosts",
                "typed_config": {
                    "@type": f"{EXTENSION}.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                },
            }
        ],
        "host_selection_retry_max_attempts": "3",
    }
    if "timeout" in retries:
        policy["per_try_timeout"] = _seconds(retries["timeout"])
    route = {
        "match": {"prefix": "/"},
        "route": {
            "weighted_clusters": {"clusters": clusters},
            "timeout": _seconds(given.get("timeout", 15)),
            "retry_policy": policy,
        },
    }
    return _route_config(_name(upstream.key), route, {})


def _cluster(mesh: Mesh, service: Service, upstream: Upstream, other: Service, subset: str) -> dict[str, Any]:
    name, given = cluster_name(other, subset), upstream.given
    ejection = given.get("ejection", {})
    errors = int(ejection.get("errors", 5))
    context = {
        "@type": f"{EXTENSION}.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": f"{other.name}.{other.tenant}",
        "common_tls_context": _tls(mesh, service, {"exact": mesh.identity(other)}),
    }
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _config(service, f"eds_{_name(name)}.json"), "service_name": name},
        "connect_timeout": _seconds(given.get("connect_timeout", 1)),
        "circuit_breakers": _breakers({**given.get("limits", {}), "retries": given.get("retries", {})}),
        "outlier_detection": {
            "consecutive_5xx": errors,
            "consecutive_gateway_failure": errors,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_success_rate": 0,
            "interval": _seconds(ejection.get("interval", 2)),
            "base_ejection_time": _seconds(ejection.get("duration", 10)),
            "max_ejection_time": _seconds(max(300, ejection.get("duration", 10))),
            "max_ejection_percent": int(ejection.get("percent", 50)),
        },
        "transport_socket": {"name": "tls", "typed_config": context},
        **_protocol(other.protocol),
        **(_placed(other) if other.placed else {}),
    }


def _placed(service: Service) -> dict[str, Any]:
    """Of hosts that may run a service, those that do: no call goes to another one, even when none does."""
    check = _health(READY, 1, service.protocol)
    return {"health_checks": [check], "common_lb_config": {"healthy_panic_threshold": {"value": 0}}}


def _endpoints(name: str, service: Service, subset: str) -> dict[str, Any]:
    instances = [i for i in service.instances if not subset or i.version == subset]
    found = _assignment(name, [(instance.address, instance.port) for instance in instances])
    return {"@type": f"{TYPE}.config.endpoint.v3.ClusterLoadAssignment", **found}


# --- what both directions share ----------------------------------------------------------------------------------------


def _http(
    mesh: Mesh, service: Service, name: str, filters: list[dict[str, Any]], options: Mapping[str, Any]
) -> dict[str, Any]:
    inbound = name == "inbound"
    router = {"name": "router", "typed_config": {"@type": f"{EXTENSION}.filters.http.router.v3.Router"}}
    manager: dict[str, Any] = {
        "@type": HCM,
        "stat_prefix": name,
        "codec_type": "AUTO",
        "rds": {"route_config_name": name, "config_source": _config(service, f"rds_{name}.json")},
        "http_filters": [*filters, router],
        "access_log": _access_log(mesh, "inbound" if inbound else "outbound", True),
        "use_remote_address": False,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "generate_request_id": True,
        **options,
    }
    if mesh.collector:
        manager["tracing"] = _tracing(mesh, service)
    return {"name": "http", "typed_config": manager}


def _tcp_proxy(mesh: Mesh, name: str, target: Mapping[str, Any], side: str) -> dict[str, Any]:
    proxy = {
        "@type": f"{EXTENSION}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": name,
        "access_log": _access_log(mesh, side, False),
        **target,
    }
    return {"name": "tcp", "typed_config": proxy}


def _route_config(name: str, route: dict[str, Any], per_filter: dict[str, Any]) -> dict[str, Any]:
    host: dict[str, Any] = {"name": name, "domains": ["*"], "routes": [route]}
    if per_filter:
        host["typed_per_filter_config"] = per_filter
    return {"@type": f"{TYPE}.config.route.v3.RouteConfiguration", "name": name, "virtual_hosts": [host]}


def _assignment(name: str, addresses: list[tuple[str, int]]) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": _address(address, port)}} for address, port in addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}


def _breakers(given: Mapping[str, Any]) -> dict[str, Any]:
    retries = given.get("retries", {})
    threshold = {
        "max_connections": int(given.get("connections", 1024)),
        "max_pending_requests": int(given.get("pending", 1024)),
        "max_requests": int(given.get("requests", 1024)),
        "retry_budget": {
            "budget_percent": {"value": float(retries.get("budget_percent", 20))},
            "min_retry_concurrency": int(retries.get("budget_least", 3)),
        },
        "track_remaining": True,
    }
    return {"thresholds": [threshold]}


def _protocol(protocol: str) -> dict[str, Any]:
    if protocol not in HTTP:
        return {}
    kind = "http_protocol_options" if protocol == "http" else "http2_protocol_options"
    options = {
        "@type": f"{EXTENSION}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {kind: {}},
    }
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}}


def _access_log(mesh: Mesh, side: str, http: bool) -> list[dict[str, Any]]:
    if mesh.access_log == "none":
        return []
    logger: dict[str, Any] = {
        "name": "journal",
        "typed_config": {
            "@type": f"{EXTENSION}.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": {**LOG, "side": side}},
        },
    }
    filters: list[dict[str, Any]] = [{"not_health_check_filter": {}}] if http else []
    if mesh.access_log == "errors":
        failed: dict[str, Any] = {"response_flag_filter": {}}
        if http:
            bad = {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "mesh.log_from"}}}
            failed = {"or_filter": {"filters": [{"status_code_filter": bad}, failed]}}
        filters.append(failed)
    if filters:
        logger["filter"] = filters[0] if len(filters) == 1 else {"and_filter": {"filters": filters}}
    return [logger]


def _tracing(mesh: Mesh, service: Service) -> dict[str, Any]:
    host, _colon, _port = mesh.collector.partition(":")
    return {
        "random_sampling": {"value": mesh.trace_percent},
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": f"{TYPE}.config.trace.v3.OpenTelemetryConfig",
                "service_name": service.key,
                "http_service": {
                    "http_uri": {
                        "uri": f"http://{mesh.collector}/v1/traces",
                        "cluster": "collector",
                        "timeout": "2s",
                    },
                    "request_headers_to_add": [{"header": {"key": "host", "value": host}}],
                },
            },
        },
    }


def _collector(collector: str) -> dict[str, Any]:
    host, _colon, port = collector.partition(":")
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": "collector",
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": _assignment("collector", [(host, int(port))]),
    }


def _metrics(service: Service) -> dict[str, Any]:
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
        "address": _address("127.0.0.1", service.metrics_port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _admin(service: Service) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"pipe": {"path": f"{RUN}/{service.id}/admin.sock"}}}}
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": "admin",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "admin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _seconds(number: Any) -> str:
    return f"{float(number):.9f}".rstrip("0").rstrip(".") + "s"
