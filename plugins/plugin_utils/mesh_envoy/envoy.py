# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of sidecars and gateways are made of, in the terms of Envoy.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import CONFIG, STATE

from ..mesh.bootstrap import (
    EXTENSION,
    HCM,
    TYPE,
    admin,
    admin_cluster,
    assignment,
    metrics,
    overload_manager,
)
from ..mesh.model import HTTP, Callee, Mesh, Rule, Upstream, Workload

RBAC = "envoy.filters.http.rbac"
RATE = "envoy.filters.http.local_ratelimit"
READY = "/.mesh/ready"  # asked by sidecars of callers, answered by that of the service
#: Safe for any request: the instance has seen nothing of it.
RETRY_ON = ("connect-failure", "refused-stream", "reset-before-request")
LOG = {
    "time": "%START_TIME%",
    "side": "",
    "caller": "%DOWNSTREAM_PEER_URI_SAN%",
    "from": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
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
#: A path that two programs read differently would pass a rule for another one.
ONE_READING = {
    "normalize_path": True,
    "merge_slashes": True,
    "path_with_escaped_slashes_action": "REJECT_REQUEST",
}


def cluster_name(service: Callee, subset: str) -> str:
    """What a service, or a version of it, is called in Envoy's statistics."""
    return f"{service.key}:{subset}" if subset else service.key


def plain_name(text: str) -> str:
    return text.replace("/", "_").replace(":", "_")


def response(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A discovery response, whose version is the digest of what it holds."""
    digest = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()
    return {"version_info": digest[:16], "resources": resources}


def file_source(path: str) -> dict[str, Any]:
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def source(service: Workload, name: str) -> dict[str, Any]:
    return file_source(f"{CONFIG}/{service.id}/{name}")


def bootstrap(service: Workload, host: str) -> dict[str, Any]:
    return {
        "node": {"id": f"{service.id}@{host}", "cluster": service.id},
        "admin": admin(service),
        "dynamic_resources": {"lds_config": source(service, "lds.json"), "cds_config": source(service, "cds.json")},
        "overload_manager": overload_manager(),
    }


def tls(mesh: Mesh, service: Workload, peer: Mapping[str, str]) -> dict[str, Any]:
    """Keys and trust of a sidecar, from files that the renewal replaces; C(peer) matches the SPIFFE ID of the other side."""
    matcher = {"san_type": "URI", "matcher": dict(peer)}
    return {
        # A client of Envoy ends at 1.2 unless told otherwise.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificate_sds_secret_configs": [
            {"name": "identity", "sds_config": file_source(f"{STATE}/{service.id}/identity.json")}
        ],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [matcher]},
            "validation_context_sds_secret_config": {
                "name": "trust",
                "sds_config": file_source(f"{STATE}/{service.id}/trust.json"),
            },
        },
    }


def mutual_tls(mesh: Mesh, service: Workload, http: bool) -> dict[str, Any]:
    """The transport of a listener that takes workloads of the mesh alone."""
    context = {
        "@type": f"{EXTENSION}.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            **tls(mesh, service, {"prefix": f"spiffe://{mesh.trust_domain}/"}),
            "alpn_protocols": ["h2", "http/1.1"] if http else [],
        },
    }
    return {"name": "tls", "typed_config": context}


def tls_inspector() -> dict[str, Any]:
    inspector = f"{EXTENSION}.filters.listener.tls_inspector.v3.TlsInspector"
    return {"name": "tls_inspector", "typed_config": {"@type": inspector}}


def guard() -> dict[str, Any]:
    """No policy is no access; the route has the policies."""
    return {
        "name": RBAC,
        "typed_config": {"@type": f"{EXTENSION}.filters.http.rbac.v3.RBAC", "rules": {"action": "ALLOW"}},
    }


def limiter() -> dict[str, Any]:
    """The filter of rate limits; the route has the limit."""
    limit = f"{EXTENSION}.filters.http.local_ratelimit.v3.LocalRateLimit"
    return {"name": RATE, "typed_config": {"@type": limit, "stat_prefix": "rate_limit"}}


def network_guard(mesh: Mesh, service: Callee) -> dict[str, Any]:
    """The allow rules for connections of no known protocol."""
    rbac = f"{EXTENSION}.filters.network.rbac.v3.RBAC"
    return {
        "name": "rbac",
        "typed_config": {"@type": rbac, "stat_prefix": "inbound", "rules": rules(mesh, service)},
    }


def allow_per_route(mesh: Mesh, service: Callee) -> dict[str, Any]:
    rbac = f"{EXTENSION}.filters.http.rbac.v3.RBACPerRoute"
    return {RBAC: {"@type": rbac, "rbac": {"rules": rules(mesh, service)}}}


def limit_per_route(limit: Mapping[str, Any] | None) -> dict[str, Any]:
    if not limit:
        return {}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {
        "@type": f"{EXTENSION}.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "rate_limit",
        "token_bucket": {
            "max_tokens": int(limit.get("burst", limit["requests"])),
            "tokens_per_fill": int(limit["requests"]),
            "fill_interval": seconds(limit["seconds"]),
        },
        "filter_enabled": always,
        "filter_enforced": always,
    }
    return {RATE: bucket}


def rules(mesh: Mesh, service: Callee) -> dict[str, Any]:
    """The allow rules; without any, nobody may call. A rule's name is its number, as refusals and statistics tell it."""
    policies = {
        f"allow[{number}]": {"principals": [principal(mesh, rule)], "permissions": [permission(rule)]}
        for number, rule in enumerate(service.allow)
    }
    return {"action": "ALLOW", **({"policies": policies} if policies else {})}


def principal(mesh: Mesh, rule: Rule) -> dict[str, Any]:
    tenant, name = rule.caller.split("/")
    known = f"spiffe://{mesh.trust_domain}/ns/{tenant}/svc/"
    return {"authenticated": {"principal_name": {"prefix": known} if name == "*" else {"exact": known + name}}}


def permission(rule: Rule) -> dict[str, Any]:
    methods = [{"header": {"name": ":method", "string_match": {"exact": method}}} for method in rule.methods]
    paths = [{"url_path": {"path": path_matcher(path)}} for path in rule.paths]
    both = [{"or_rules": {"rules": some}} for some in (methods, paths) if some]
    return {"and_rules": {"rules": both}} if both else {"any": True}


def path_matcher(path: str) -> dict[str, str]:
    return {"prefix": path[:-1]} if path.endswith("*") else {"exact": path}


def health_check(path: str, interval: Any, protocol: str) -> dict[str, Any]:
    codec = "HTTP1" if protocol == "http" else "HTTP2"
    return {
        "timeout": "1s",
        "interval": seconds(interval),
        "no_traffic_interval": seconds(interval),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        # Without a host it would be the name of the cluster, which no server takes.
        "http_health_check": {"host": "localhost", "path": path, "codec_client_type": codec},
    }


def weighted(shares: list[tuple[Callee, str, float]]) -> dict[str, Any]:
    """The clusters among which calls are divided."""
    clusters = [{"name": cluster_name(service, subset), "weight": round(w * 100)} for service, subset, w in shares if w]
    return {"weighted_clusters": {"clusters": clusters}}


def calls(upstream: Upstream, shares: list[tuple[Callee, str, float]]) -> dict[str, Any]:
    """What a route does with calls to an upstream."""
    given = upstream.given
    retries = given.get("retries", {})
    previous = f"{EXTENSION}.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    policy = {
        "retry_on": ",".join(retries.get("retry_on", RETRY_ON)),
        "num_retries": int(retries.get("attempts", 2)),
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
        # Not once more to the instance that just failed.
        "retry_host_predicate": [{"name": "previous_hosts", "typed_config": {"@type": previous}}],
        "host_selection_retry_max_attempts": "3",
    }
    if "timeout" in retries:
        policy["per_try_timeout"] = seconds(retries["timeout"])
    return {
        **weighted(shares),
        "timeout": seconds(given.get("timeout", 15)),
        "retry_policy": policy,
    }


def reached(
    mesh: Mesh, service: Workload, upstream: Upstream
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The clusters of an upstream by name, and the files with their endpoints."""
    clusters, files = {}, {}
    for other, subset, _weight in mesh.shares(upstream.key):
        name = cluster_name(other, subset)
        clusters[name] = cluster(mesh, service, upstream, other, subset)
        files[f"eds_{plain_name(name)}.json"] = response([endpoints(name, other, subset)])
    return clusters, files


def folder(
    mesh: Mesh, service: Workload, host: str, listeners: list[dict[str, Any]], clusters: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The bootstrap and the lists that every Envoy has, with what tells of it."""
    own = [admin_cluster(service)] if service.metrics_port else []
    own += [collector(mesh.collector)] if mesh.collector else []
    return {
        "bootstrap.json": bootstrap(service, host),
        "lds.json": response([*listeners, *([metrics(service.metrics_port)] if service.metrics_port else [])]),
        "cds.json": response([*clusters.values(), *own]),
    }


def cluster(mesh: Mesh, service: Workload, upstream: Upstream, other: Callee, subset: str) -> dict[str, Any]:
    name, given = cluster_name(other, subset), upstream.given
    ejection = given.get("ejection", {})
    errors = int(ejection.get("errors", 5))
    context = {
        "@type": f"{EXTENSION}.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": f"{other.name}.{other.tenant}",
        "common_tls_context": tls(mesh, service, {"exact": mesh.identity(other)}),
    }
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": source(service, f"eds_{plain_name(name)}.json"), "service_name": name},
        "connect_timeout": seconds(given.get("connect_timeout", 1)),
        "circuit_breakers": breakers({**given.get("limits", {}), "retries": given.get("retries", {})}),
        "outlier_detection": {
            "consecutive_5xx": errors,
            "consecutive_gateway_failure": errors,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_success_rate": 0,
            "interval": seconds(ejection.get("interval", 2)),
            "base_ejection_time": seconds(ejection.get("duration", 10)),
            "max_ejection_time": seconds(max(300, ejection.get("duration", 10))),
            "max_ejection_percent": int(ejection.get("percent", 50)),
        },
        "transport_socket": {"name": "tls", "typed_config": context},
        **protocol_options(other.protocol),
        **(placed(other) if other.placed else {}),
    }


def placed(service: Callee) -> dict[str, Any]:
    """Of hosts that may run a service, those that do: no call goes to another one, even when none does."""
    check = health_check(READY, 1, service.protocol)
    return {"health_checks": [check], "common_lb_config": {"healthy_panic_threshold": {"value": 0}}}


def endpoints(name: str, service: Callee, subset: str) -> dict[str, Any]:
    instances = [i for i in service.instances if not subset or i.version == subset]
    found = assignment(name, [(instance.address, instance.port) for instance in instances])
    return {"@type": f"{TYPE}.config.endpoint.v3.ClusterLoadAssignment", **found}


def http_filter(
    mesh: Mesh, service: Workload, name: str, side: str, filters: list[dict[str, Any]], options: Mapping[str, Any]
) -> dict[str, Any]:
    router: dict[str, Any] = {"@type": f"{EXTENSION}.filters.http.router.v3.Router"}
    if side == "egress":
        # Destinations are told nothing by Envoy itself, such as the host that the service has asked for.
        router["suppress_envoy_headers"] = True
    manager: dict[str, Any] = {
        "@type": HCM,
        "stat_prefix": name,
        "codec_type": "AUTO",
        "rds": {"route_config_name": name, "config_source": source(service, f"rds_{name}.json")},
        "http_filters": [*filters, {"name": "router", "typed_config": router}],
        "access_log": access_log(mesh, side, True),
        "use_remote_address": False,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "generate_request_id": True,
        **options,
    }
    if mesh.collector:
        manager["tracing"] = tracing(mesh, service)
    return {"name": "http", "typed_config": manager}


def tcp_filter(mesh: Mesh, name: str, target: Mapping[str, Any], side: str) -> dict[str, Any]:
    proxy = {
        "@type": f"{EXTENSION}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": name,
        "access_log": access_log(mesh, side, False),
        **target,
    }
    return {"name": "tcp", "typed_config": proxy}


def route_config(name: str, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"@type": f"{TYPE}.config.route.v3.RouteConfiguration", "name": name, "virtual_hosts": hosts}


def any_host(name: str, route: dict[str, Any], per_filter: dict[str, Any]) -> dict[str, Any]:
    """A virtual host that takes calls for whatever host; C(per_filter) is what filters do on it."""
    host: dict[str, Any] = {"name": name, "domains": ["*"], "routes": [route]}
    return {**host, "typed_per_filter_config": per_filter} if per_filter else host


def breakers(given: Mapping[str, Any]) -> dict[str, Any]:
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


def protocol_options(protocol: str) -> dict[str, Any]:
    if protocol not in HTTP:
        return {}
    kind = "http_protocol_options" if protocol == "http" else "http2_protocol_options"
    options = {
        "@type": f"{EXTENSION}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {kind: {}},
    }
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}}


def access_log(mesh: Mesh, side: str, http: bool) -> list[dict[str, Any]]:
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


def tracing(mesh: Mesh, service: Workload) -> dict[str, Any]:
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


def collector(collector: str) -> dict[str, Any]:
    host, _colon, port = collector.partition(":")
    return {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": "collector",
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": assignment("collector", [(host, int(port))]),
    }


def seconds(number: Any) -> str:
    return f"{float(number):.9f}".rstrip("0").rstrip(".") + "s"
