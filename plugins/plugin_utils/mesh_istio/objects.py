# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a mesh as objects of Istio: pure functions of the model, which nothing applies.

Tenants are namespaces and services are service accounts, so identities are C(spiffe://TRUST-DOMAIN/ns/TENANT/sa/NAME). What a
caller asks for (timeouts, retries, limits) is on routes and rules that are chosen by the caller's labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..mesh.model import HTTP, Callee, Destination, Mesh, Rule, Service, Upstream

PROTOCOLS = {"tcp": "TCP", "http": "HTTP", "http2": "HTTP2", "grpc": "GRPC"}


def objects(mesh: Mesh) -> list[dict[str, Any]]:
    """All objects, those that others name first."""
    found: list[dict[str, Any]] = []
    for service in mesh.services.values():
        found += [_entry(service), *_workloads(service), _peers(service), _allowed(mesh, service)]
    for destination in mesh.destinations.values():
        found.append(_outside(destination))
    for service in mesh.services.values():
        found += _routes(mesh, service)
        found += [_policy(service, upstream, other) for upstream, other in _called(mesh, service)]
    return found


def missing(mesh: Mesh) -> list[str]:
    """What the model says and these objects do not."""
    found = [f"{s.where}: rate_limit of {s.key}" for s in mesh.services.values() if "rate_limit" in s.given]
    found += [f"{s.where}: {s.key} is isolated" for s in mesh.services.values() if s.isolated]
    found += [f"{g.where}: the gateway {g.key}" for g in mesh.gateways.values()]
    return found


def host(callee: Callee) -> str:
    """The name by which others call it."""
    return callee.host if isinstance(callee, Destination) else f"{callee.name}.{callee.tenant}.mesh"


def _object(kind: str, group: str, tenant: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": tenant},
        "spec": spec,
    }


def _selected(name: str) -> dict[str, Any]:
    return {"matchLabels": {"app": name}}


def _entry(service: Service) -> dict[str, Any]:
    protocol = PROTOCOLS[service.protocol]
    spec = {
        "hosts": [host(service)],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [
            {"number": service.mesh_port, "name": protocol.lower(), "protocol": protocol, "targetPort": service.port}
        ],
        "workloadSelector": {"labels": {"app": service.name}},
    }
    return _object("ServiceEntry", "networking", service.tenant, service.name, spec)


def _workloads(service: Service) -> Iterator[dict[str, Any]]:
    for instance in service.instances:
        labels = {"app": service.name, **({"version": instance.version} if instance.version else {})}
        spec = {"address": instance.address, "labels": labels, "serviceAccount": service.name}
        name = f"{service.name}-{instance.host}".replace("_", "-").lower()
        yield _object("WorkloadEntry", "networking", service.tenant, name, spec)


def _outside(destination: Destination) -> dict[str, Any]:
    protocol = "TLS" if destination.tls else PROTOCOLS[destination.protocol]
    spec = {
        "hosts": [destination.host],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [{"number": destination.port, "name": protocol.lower(), "protocol": protocol}],
    }
    return _object("ServiceEntry", "networking", destination.tenant, destination.name, spec)


def _peers(service: Service) -> dict[str, Any]:
    mode = "STRICT" if service.strict else "PERMISSIVE"
    spec = {"selector": _selected(service.name), "mtls": {"mode": mode}}
    return _object("PeerAuthentication", "security", service.tenant, service.name, spec)


def _allowed(mesh: Mesh, service: Service) -> dict[str, Any]:
    """Without rules the policy lets nobody in."""
    spec: dict[str, Any] = {"selector": _selected(service.name), "action": "ALLOW"}
    if service.allow:
        spec["rules"] = [_rule(mesh, rule) for rule in service.allow]
    return _object("AuthorizationPolicy", "security", service.tenant, service.name, spec)


def _rule(mesh: Mesh, rule: Rule) -> dict[str, Any]:
    tenant, name = rule.caller.split("/")
    found: dict[str, Any] = {"from": [{"source": {"principals": [f"{mesh.trust_domain}/ns/{tenant}/sa/{name}"]}}]}
    operation = {"methods": list(rule.methods), "paths": list(rule.paths)}
    if rule.methods or rule.paths:
        found["to"] = [{"operation": {key: value for key, value in operation.items() if value}}]
    return found


def _called(mesh: Mesh, service: Service) -> Iterator[tuple[Upstream, Service]]:
    for upstream in service.upstreams:
        others = {other.key: other for other, _subset, _weight in mesh.shares(upstream.key)}
        yield from ((upstream, other) for other in others.values() if isinstance(other, Service))


def _routes(mesh: Mesh, service: Service) -> list[dict[str, Any]]:
    """How calls to a service go, caller by caller."""
    callers = [(c, u) for c in mesh.services.values() for u in c.upstreams if u.key == service.key]
    if not callers:
        return []
    shares = [
        {
            "destination": {"host": host(other), **({"subset": subset} if subset else {})},
            "weight": round(weight),
        }
        for other, subset, weight in mesh.shares(service.key)
    ]
    routes = []
    for caller, upstream in callers:
        match = {"sourceLabels": {"app": caller.name}, "sourceNamespace": caller.tenant}
        routes.append({"match": [match], "route": shares, **(_patience(upstream) if service.protocol in HTTP else {})})
    spec = {"hosts": [host(service)], "http" if service.protocol in HTTP else "tcp": routes}
    return [_object("VirtualService", "networking", service.tenant, service.name, spec)]


def _patience(upstream: Upstream) -> dict[str, Any]:
    retries = upstream.given.get("retries", {})
    found: dict[str, Any] = {"attempts": int(retries.get("attempts", 2))}
    if "retry_on" in retries:
        found["retryOn"] = ",".join(retries["retry_on"])
    if "timeout" in retries:
        found["perTryTimeout"] = _seconds(retries["timeout"])
    return {"timeout": _seconds(upstream.given.get("timeout", 15)), "retries": found}


def _policy(service: Service, upstream: Upstream, other: Service) -> dict[str, Any]:
    """What a caller asks of the connections to a service."""
    limits, ejection = upstream.given.get("limits", {}), upstream.given.get("ejection", {})
    pool = {
        "tcp": {
            "maxConnections": int(limits.get("connections", 1024)),
            "connectTimeout": _seconds(upstream.given.get("connect_timeout", 1)),
        },
        "http": {
            "http1MaxPendingRequests": int(limits.get("pending", 1024)),
            "http2MaxRequests": int(limits.get("requests", 1024)),
        },
    }
    outliers = {
        "consecutive5xxErrors": int(ejection.get("errors", 5)),
        "interval": _seconds(ejection.get("interval", 2)),
        "baseEjectionTime": _seconds(ejection.get("duration", 10)),
        "maxEjectionPercent": int(ejection.get("percent", 50)),
    }
    spec: dict[str, Any] = {
        "host": host(other),
        "workloadSelector": _selected(service.name),
        "exportTo": ["."],
        "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}, "connectionPool": pool, "outlierDetection": outliers},
    }
    if other.versions:
        spec["subsets"] = [{"name": version, "labels": {"version": version}} for version in other.versions]
    return _object("DestinationRule", "networking", service.tenant, f"{service.name}-{other.tenant}-{other.name}", spec)


def _seconds(number: Any) -> str:
    """As Istio reads it: whole milliseconds."""
    return f"{round(float(number) * 1000)}ms"
