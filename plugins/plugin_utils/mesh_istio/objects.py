# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a mesh as objects of Istio: pure functions of the model.

Tenants are namespaces and services are service accounts, so identities are C(spiffe://TRUST-DOMAIN/ns/TENANT/sa/NAME). Nothing is
captured: a sidecar listens where the model says, on hosts and in pods alike. It takes a listener for a service by its port, so each
port at which some caller has a service is a port of its entry. What a caller asks for (timeouts, retries, limits) is on routes and
rules that are chosen by the caller's labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..mesh.model import HTTP, Mesh, Rule, Service, Upstream

PROTOCOLS = {"tcp": "TCP", "http": "HTTP", "http2": "HTTP2", "grpc": "GRPC"}
LOOPBACK = "127.0.0.1"
RETRY_ON = (
    "connect-failure",
    "refused-stream",
    "reset-before-request",
)  # only calls that no instance has seen are repeated


def objects(mesh: Mesh) -> list[dict[str, Any]]:
    """All objects, those that others name first."""
    found: list[dict[str, Any]] = []
    for service in mesh.services.values():
        found += [_account(service), _entry(mesh, service), *_workloads(service), _sidecar(mesh, service)]
        found += [_peers(service), _allowed(mesh, service), *_closed(service)]
    for service in mesh.services.values():
        found += _routes(mesh, service)
        found += [_policy(service, upstream, other) for upstream, other in _called(mesh, service)]
    return found


def host(service: Service) -> str:
    """The name by which Istio knows it."""
    return f"{service.name}.{service.tenant}.mesh"


def labels(service: Service, version: str) -> dict[str, str]:
    """By which its instances are found."""
    return {"app": service.name, **({"version": version} if version else {})}


def identity(mesh: Mesh, service: Service) -> str:
    """Its SPIFFE ID."""
    return f"spiffe://{mesh.trust_domain}/ns/{service.tenant}/sa/{service.name}"


def _object(kind: str, version: str, tenant: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": tenant}, **fields}


def _istio(kind: str, group: str, tenant: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return _object(kind, f"{group}.istio.io/v1", tenant, name, spec=spec)


def _selected(name: str) -> dict[str, Any]:
    return {"matchLabels": {"app": name}}


def _account(service: Service) -> dict[str, Any]:
    """Its identity; what it may do with the API of Kubernetes is another's to say."""
    return _object("ServiceAccount", "v1", service.tenant, service.name, automountServiceAccountToken=False)


def _port(service: Service, number: int) -> dict[str, Any]:
    protocol = PROTOCOLS[service.protocol]
    return {"number": number, "name": f"{protocol.lower()}-{number}", "protocol": protocol}


def _ports(mesh: Mesh, service: Service) -> list[int]:
    """Where it is called: at its sidecars' own port, and at those of callers' upstreams that lead to it."""
    upstreams = [upstream for caller in mesh.services.values() for upstream in caller.upstreams]
    binds = {one.bind for one in upstreams if any(other is service for other, _subset, _weight in mesh.shares(one.key))}
    return [service.mesh_port, *sorted(binds - {service.mesh_port})]


def _entry(mesh: Mesh, service: Service) -> dict[str, Any]:
    spec = {
        "hosts": [host(service)],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{**_port(service, port), "targetPort": service.mesh_port} for port in _ports(mesh, service)],
        "workloadSelector": {"labels": {"app": service.name}},
    }
    return _istio("ServiceEntry", "networking", service.tenant, service.name, spec)


def _workloads(service: Service) -> Iterator[dict[str, Any]]:
    """Its instances on hosts; those in pods are found by their labels."""
    for instance in service.on_hosts:
        found = labels(service, instance.version)
        spec = {"address": instance.address, "labels": found, "serviceAccount": service.name}
        name = f"{service.name}-{instance.host}".replace("_", "-").lower()
        yield _istio("WorkloadEntry", "networking", service.tenant, name, spec)


def _sidecar(mesh: Mesh, service: Service) -> dict[str, Any]:
    """Where its sidecars listen: for others at their own address, for the service on loopback."""
    ingress = {
        "port": _port(service, service.mesh_port),
        "captureMode": "NONE",
        "defaultEndpoint": f"{LOOPBACK}:{service.port}",
    }
    egress = [
        {
            "port": _port(mesh.services[upstream.key], upstream.bind),
            "bind": LOOPBACK,
            "captureMode": "NONE",
            "hosts": [f"{mesh.services[upstream.key].tenant}/{host(mesh.services[upstream.key])}"],
        }
        for upstream in service.upstreams
    ]
    spec = {
        "workloadSelector": {"labels": {"app": service.name}},
        "ingress": [ingress],
        # Without a listener it would have one for every service of the mesh.
        "egress": egress or [{"hosts": ["~/*"]}],
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
    }
    return _istio("Sidecar", "networking", service.tenant, service.name, spec)


def _peers(service: Service) -> dict[str, Any]:
    mode = "STRICT" if service.strict else "PERMISSIVE"
    spec = {"selector": _selected(service.name), "mtls": {"mode": mode}}
    return _istio("PeerAuthentication", "security", service.tenant, service.name, spec)


def _allowed(mesh: Mesh, service: Service) -> dict[str, Any]:
    """Without rules the policy lets nobody in. Of a permissive service rules hold for those who have an identity."""
    rules = [_rule(mesh, rule) for rule in service.allow]
    if not service.strict:
        rules.append({"from": [{"source": {"notPrincipals": ["*"]}}]})
    spec: dict[str, Any] = {
        "selector": _selected(service.name),
        "action": "ALLOW",
        **({"rules": rules} if rules else {}),
    }
    return _istio("AuthorizationPolicy", "security", service.tenant, service.name, spec)


def _rule(mesh: Mesh, rule: Rule) -> dict[str, Any]:
    tenant, name = rule.caller.split("/")
    found: dict[str, Any] = {"from": [{"source": {"principals": [f"{mesh.trust_domain}/ns/{tenant}/sa/{name}"]}}]}
    operation = {"methods": list(rule.methods), "paths": list(rule.paths)}
    if rule.methods or rule.paths:
        found["to"] = [{"operation": {key: value for key, value in operation.items() if value}}]
    return found


def _closed(service: Service) -> Iterator[dict[str, Any]]:
    """Of its pods the port of the sidecar alone is open, so nobody reaches the service around it."""
    if service.in_pods and service.strict:
        spec = {
            "podSelector": _selected(service.name),
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": service.mesh_port}]}],
        }
        yield _object("NetworkPolicy", "networking.k8s.io/v1", service.tenant, f"mesh-{service.name}", spec=spec)


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
        if isinstance(other, Service)
    ]
    routes = []
    for caller, upstream in callers:
        match = {"sourceLabels": {"app": caller.name}, "sourceNamespace": caller.tenant}
        routes.append({"match": [match], "route": shares, **(_patience(upstream) if service.protocol in HTTP else {})})
    # Callers call loopback, and HTTP is routed by the name they call.
    names = [host(service), LOOPBACK] if service.protocol in HTTP else [host(service)]
    spec = {"hosts": names, "http" if service.protocol in HTTP else "tcp": routes}
    return [_istio("VirtualService", "networking", service.tenant, service.name, spec)]


def _patience(upstream: Upstream) -> dict[str, Any]:
    retries = upstream.given.get("retries", {})
    found: dict[str, Any] = {
        "attempts": int(retries.get("attempts", 2)),
        "retryOn": ",".join(retries.get("retry_on", RETRY_ON)),
    }
    if "timeout" in retries:
        found["perTryTimeout"] = _seconds(retries["timeout"])
    return {"timeout": _seconds(upstream.given.get("timeout", 15)), "retries": found}


def _policy(service: Service, upstream: Upstream, other: Service) -> dict[str, Any]:
    """What a caller asks of the connections to a service."""
    limits, ejection = upstream.given.get("limits", {}), upstream.given.get("ejection", {})
    retries = upstream.given.get("retries", {})
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
    traffic: dict[str, Any] = {
        "tls": {"mode": "ISTIO_MUTUAL"},
        "connectionPool": pool,
        "outlierDetection": outliers,
        "retryBudget": {
            "percent": float(retries.get("budget_percent", 20)),
            "minRetryConcurrency": int(retries.get("budget_least", 3)),
        },
    }
    spec: dict[str, Any] = {
        "host": host(other),
        "workloadSelector": _selected(service.name),
        "exportTo": ["."],
        "trafficPolicy": traffic,
    }
    if other.versions:
        spec["subsets"] = [{"name": version, "labels": {"version": version}} for version in other.versions]
    name = f"{service.name}-{other.tenant}-{other.name}"
    return _istio("DestinationRule", "networking", service.tenant, name, spec)


def _seconds(number: Any) -> str:
    """As Istio reads it: whole milliseconds."""
    return f"{round(float(number) * 1000)}ms"
