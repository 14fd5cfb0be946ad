# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a mesh as objects of Linkerd and of the Gateway API, which Linkerd takes: pure functions of the model.

Tenants are namespaces and services are service accounts. Linkerd captures what pods send and take, so a service is called by the
name of its Kubernetes service, at its own port. Who is not described is let in nowhere.
"""

from __future__ import annotations

from typing import Any

from ..mesh.model import HTTP, Mesh, Service, Upstream
from .allowed import Allowed, allowed

POLICY, GATEWAY = "policy.linkerd.io", "gateway.networking.k8s.io"
PROTOCOLS = {"tcp": "opaque", "http": "HTTP/1", "http2": "HTTP/2", "grpc": "HTTP/2"}  # of a Server
APP_PROTOCOLS = {"http": "http", "http2": "kubernetes.io/h2c", "grpc": "kubernetes.io/h2c"}  # of a port of a Service
SCALE = 10_000  # of weights with fractions: those of routes are whole numbers
LONGEST_PENALTY = 60  # seconds a bad instance is left out at most, unless the first time is as long


def objects(mesh: Mesh) -> list[dict[str, Any]]:
    """All objects, those that others name first."""
    found = [_namespace(mesh, tenant) for tenant in sorted({service.tenant for service in mesh.services.values()})]
    for service in mesh.services.values():
        found += [_account(service), *_services(mesh, service), _server(service), *_limit(service)]
        for number, one in enumerate(allowed(service)):
            found += _let_in(service, one, number)
    for service in mesh.services.values():
        found += _route(mesh, service)
    return found


def address(service: Service) -> str:
    """Where others call it."""
    return f"{service.name}.{service.tenant}.svc:{service.port}"


def asked(upstream: Upstream, protocol: str) -> tuple[dict[str, str], dict[str, str]]:
    """What a caller asks of calls, and of instances, as the annotations of the route and of the service that it calls."""
    route, service = {}, {}
    if protocol in HTTP:
        route["timeout.linkerd.io/request"] = _milliseconds(upstream.given.get("timeout", 15))
    retries, ejection = upstream.given.get("retries", {}), upstream.given.get("ejection")
    attempts = int(retries.get("attempts", 2))
    if retries and attempts:
        kind = "grpc" if protocol == "grpc" else "http"
        route[f"retry.linkerd.io/{kind}"] = ",".join(retries.get("retry_on", ()))
        route["retry.linkerd.io/limit"] = str(attempts)
        if "timeout" in retries:
            route["retry.linkerd.io/timeout"] = _milliseconds(retries["timeout"])
    if ejection is not None:
        key, duration = "balancer.linkerd.io/failure-accrual", float(ejection.get("duration", 10))
        service[key] = "consecutive"
        service[f"{key}-consecutive-max-failures"] = str(ejection.get("errors", 5))
        service[f"{key}-consecutive-min-penalty"] = _milliseconds(duration)
        service[f"{key}-consecutive-max-penalty"] = _milliseconds(max(2 * duration, LONGEST_PENALTY))
    return route, service


def callers(mesh: Mesh, service: Service) -> list[Upstream]:
    """The upstreams by which others call a service."""
    return [one for caller in mesh.services.values() for one in caller.upstreams if one.key == service.key]


def service_names(service: Service) -> dict[str, str]:
    """The names of its Kubernetes services by version, '' for that of all its instances; only splits need others."""
    subsets = sorted({split.subset for split in service.splits if split.subset})
    return {"": service.name, **{subset: f"{service.name}-{subset}" for subset in subsets}}


def _object(version: str, kind: str, tenant: str, name: str, **fields: Any) -> dict[str, Any]:
    annotations = fields.pop("annotations", {})
    metadata = {"name": name, "namespace": tenant, **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def _namespace(mesh: Mesh, tenant: str) -> dict[str, Any]:
    annotations = {"linkerd.io/inject": "enabled", "config.linkerd.io/default-inbound-policy": "deny"}
    if mesh.access_log == "all":
        annotations["config.linkerd.io/access-log"] = "json"
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant, "annotations": annotations}}


def _account(service: Service) -> dict[str, Any]:
    """Its identity; what it may do with the API of Kubernetes is another's to say."""
    return _object("v1", "ServiceAccount", service.tenant, service.name, automountServiceAccountToken=False)


def _services(mesh: Mesh, service: Service) -> list[dict[str, Any]]:
    port = {"name": service.protocol, "port": service.port, "targetPort": service.port}
    annotations: dict[str, str] = {}
    if service.protocol in HTTP:
        port["appProtocol"] = APP_PROTOCOLS[service.protocol]
    else:
        annotations["config.linkerd.io/opaque-ports"] = str(service.port)
    for upstream in callers(mesh, service):  # they ask for the same
        annotations |= asked(upstream, service.protocol)[1]
    found = []
    for version, name in service_names(service).items():
        selector = {"app": service.name, **({"version": version} if version else {})}
        spec = {"selector": selector, "ports": [port]}
        found.append(_object("v1", "Service", service.tenant, name, annotations=annotations, spec=spec))
    return found


def _server(service: Service) -> dict[str, Any]:
    spec = {
        "podSelector": {"matchLabels": {"app": service.name}},
        "port": service.port,
        "proxyProtocol": PROTOCOLS[service.protocol],
        "accessPolicy": "deny",
    }
    return _object(f"{POLICY}/v1beta3", "Server", service.tenant, service.name, spec=spec)


def _reference(group: str, kind: str, name: str) -> dict[str, str]:
    return {"group": group, "kind": kind, "name": name}


def _limit(service: Service) -> list[dict[str, Any]]:
    """How many calls an instance takes."""
    given = service.given.get("rate_limit")
    if not given:
        return []
    total = {"requestsPerSecond": round(given["requests"] / given["seconds"])}
    spec = {"targetRef": _reference(POLICY, "Server", service.name), "total": total}
    return [_object(f"{POLICY}/v1alpha1", "HTTPLocalRateLimitPolicy", service.tenant, service.name, spec=spec)]


def _let_in(service: Service, one: Allowed, number: int) -> list[dict[str, Any]]:
    """Callers, what they may call, and that they may."""
    name, target = service.name, _reference(POLICY, "Server", service.name)
    found = []
    if one.calls:
        name = f"{service.name}.{number}"
        matches = [
            {"path": {"type": path.kind, "value": path.value}, **({"method": method} if method else {})}
            for path, method in one.calls
        ]
        spec: dict[str, Any] = {"parentRefs": [target], "rules": [{"matches": matches}]}
        target = _reference(GATEWAY, "HTTPRoute", name)
        found.append(_object(f"{GATEWAY}/v1", "HTTPRoute", service.tenant, name, spec=spec))
    accounts = {"identityRefs": [_identity(caller) for caller in one.callers]}
    found.append(_object(f"{POLICY}/v1alpha1", "MeshTLSAuthentication", service.tenant, name, spec=accounts))
    required = [_reference(POLICY, "MeshTLSAuthentication", name)]
    spec = {"targetRef": target, "requiredAuthenticationRefs": required}
    return [*found, _object(f"{POLICY}/v1alpha1", "AuthorizationPolicy", service.tenant, name, spec=spec)]


def _identity(caller: str) -> dict[str, str]:
    """A service account, or all those of a namespace."""
    tenant, name = caller.split("/")
    if name == "*":
        return {"kind": "Namespace", "name": tenant}
    return {"kind": "ServiceAccount", "name": name, "namespace": tenant}


def _route(mesh: Mesh, service: Service) -> list[dict[str, Any]]:
    """How calls to a service go."""
    upstreams = callers(mesh, service)
    if not upstreams or service.protocol not in HTTP:
        return []
    shares = [share for share in mesh.shares(service.key) if isinstance(share[0], Service)]
    scale = 1 if all(weight == round(weight) for _other, _subset, weight in shares) else SCALE
    backends = [
        {"name": service_names(other)[subset], "port": other.port, "weight": round(weight * scale)}
        for other, subset, weight in shares
        if isinstance(other, Service)
    ]
    parent = {**_reference("core", "Service", service.name), "port": service.port}
    spec = {"parentRefs": [parent], "rules": [{"backendRefs": backends}]}
    kind, annotations = (
        "GRPCRoute" if service.protocol == "grpc" else "HTTPRoute",
        asked(upstreams[0], service.protocol)[0],
    )
    return [_object(f"{GATEWAY}/v1", kind, service.tenant, service.name, annotations=annotations, spec=spec)]


def _milliseconds(seconds: Any) -> str:
    return f"{max(1, round(float(seconds) * 1000))}ms"
