# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the model Linkerd does not do, or is not rendered for it. Each is told by its name, none is left out in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..mesh.model import HTTP, METHODS, Fault, Mesh, Service, Upstream
from .allowed import allowed, ambiguous, no_segment
from .objects import asked, callers, service_names

RETRY_ON = {
    "http": ("5xx", "gateway-error"),
    "http2": ("5xx", "gateway-error"),
    "grpc": ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
}
PATH = re.compile(r"(/|(/([\w.~!$&'()+,;=:@-]|%[0-9A-Fa-f]{2})+)+/?)", re.ASCII)  # what routes of the Gateway API take
MOST_CALLS = 64  # of one rule of a route
LONGEST_NAME = 63  # of a Kubernetes service


def refused(mesh: Mesh, variables: Mapping[str, Any]) -> Iterator[Fault]:
    """Every fault; C(variables) are those of the mesh as they are written."""
    identity, telemetry = variables.get("mesh_identity") or {}, variables.get("mesh_telemetry") or {}
    if variables.get("cluster_engine", "kubernetes") != "kubernetes":
        yield Fault(
            "cluster_engine",
            f"Linkerd runs on kubernetes, not on {variables['cluster_engine']}; choose another provider",
        )
    for name in sorted(identity):
        yield Fault(f"mesh_identity.{name}", "Linkerd decides this where it is installed; leave it out")
    if telemetry.get("access_log") == "errors":
        yield Fault("mesh_telemetry.access_log", "Linkerd logs every call or none; use all or none")
    if mesh.collector:
        yield Fault(
            "mesh_telemetry.traces", "where Linkerd sends traces is decided where it is installed; leave it out"
        )
    for gateway in mesh.gateways.values():
        if gateway.routes:
            text = "Linkerd has no gateway for calls from outside; let an ingress controller with a sidecar take them"
        else:
            text = "an EgressNetwork of Linkerd is open to a whole namespace, not to the callers of allow, and speaks no TLS for them"
        yield Fault(gateway.where, f"{text}; remove the gateway {gateway.key}")
    taken: dict[tuple[str, str], str] = {}
    for service in mesh.services.values():
        yield from (Fault(service.where, text) for text in _of_service(service))
        yield from _splits(mesh, service, taken)
        yield from _rules(service)
        for upstream in service.upstreams:
            yield from (Fault(upstream.where, text) for text in _of_upstream(mesh, upstream))
        yield from _same(mesh, service)


def _of_service(service: Service) -> Iterator[str]:
    key, limit = service.key, service.given.get("rate_limit")
    if service.on_hosts:
        text = "and nothing of Linkerd is rendered for hosts; let pods run it, or choose another provider"
        yield f"{key} runs on {', '.join(instance.host for instance in service.on_hosts)}, {text}"
    if not service.strict:
        yield f"{key} is permissive: Linkerd lets in either everybody or those that rules name; remove mode"
    if service.isolated:
        yield f"Linkerd closes the way outside for a whole namespace alone; remove isolated of {key}, and give it a network policy"
    if "health" in service.given:
        yield f"Linkerd asks no service whether it is healthy; remove health of {key}, and give its pods a readiness probe"
    if service.mesh_port != service.port:
        yield f"Linkerd takes the calls at the port of the service itself; remove mesh_port of {key}"
    if service.metrics_port:
        yield f"statistics of Linkerd's sidecars are at port 4191; remove metrics_port of {key}"
    if limit and service.protocol not in HTTP:
        yield f"{key} speaks {service.protocol}, and Linkerd limits HTTP alone; remove rate_limit"
    elif limit and ("burst" in limit or not (limit["requests"] / limit["seconds"]).is_integer()):
        yield f"Linkerd limits whole requests a second, without burst; change rate_limit of {key}"


def _splits(mesh: Mesh, service: Service, taken: dict[tuple[str, str], str]) -> Iterator[Fault]:
    if service.splits and service.protocol not in HTTP:
        yield Fault(
            service.splits[0].where, f"{service.key} speaks {service.protocol}: only HTTP is split here; remove splits"
        )
    for split in service.splits:
        if split.key and not split.key.startswith(f"{service.tenant}/"):
            yield Fault(
                split.where, f"calls are split within a namespace alone, and {split.key} is in another one; remove it"
            )
    for name in service_names(service).values():
        first = taken.setdefault((service.tenant, name), service.key)
        if first != service.key:
            text = f"{service.key} and {first} would both have a Kubernetes service {name} in the namespace {service.tenant}"
            yield Fault(service.where, f"{text}; rename one of them, or its version")
        if len(name) > LONGEST_NAME:
            yield Fault(
                service.where,
                f"the Kubernetes service {name} would have more than {LONGEST_NAME} characters; shorten it",
            )


def _rules(service: Service) -> Iterator[Fault]:
    for rule in service.allow:
        for path in no_segment(rule):
            base = path.rstrip("*").rstrip("/") or "/"
            text = f"prefixes of Linkerd end with a segment, and {path} does not"
            if path.endswith("/*"):
                text = f"a prefix of Linkerd has the path itself too, and {path} has not"
            yield Fault(rule.where, f"{text}; write {base} and {base}/*, or single paths")
        for path in rule.paths:
            if not PATH.fullmatch(path.removesuffix("*")) or {".", ".."} & set(path.split("/")):
                yield Fault(
                    rule.where, f"routes of Linkerd take no path such as {path}; write it normalized and escaped"
                )
        for method in rule.methods:
            if method not in METHODS:
                yield Fault(rule.where, f"Linkerd knows no method {method}; use {', '.join(METHODS)}")
    for path in ambiguous(service):
        text = f"rules let other callers in at {path} alone than at {path} with all below it, which Linkerd cannot tell apart"
        yield Fault(service.where, f"{text}; give both the same callers in the rules of {service.key}")
    if any(len(one.calls) > MOST_CALLS for one in allowed(service)):
        text = f"the same callers would have more than {MOST_CALLS} pairs of path and method of {service.key}"
        yield Fault(service.where, f"{text}; use fewer, such as prefixes")


def _of_upstream(mesh: Mesh, upstream: Upstream) -> Iterator[str]:
    key, callee, given = upstream.key, mesh.callees.get(upstream.key), upstream.given
    protocol = callee.protocol if callee else "http"
    retries, ejection = given.get("retries", {}), given.get("ejection", {})
    if key in mesh.destinations:
        yield f"{key} is reached by a gateway, which is not rendered for Linkerd; remove it"
    for name in ("connect_timeout", "limits"):
        if name in given:
            yield f"Linkerd has no {name} of a caller; remove it from the upstream {key}"
    if protocol not in HTTP:
        for name in sorted({"timeout", "retries", "ejection"} & set(given)):
            yield f"{key} speaks {protocol}, for which Linkerd has no {name}; remove it"
        return
    for name in sorted({"interval", "percent"} & set(ejection)):
        yield f"Linkerd counts failures one after the other; remove {name} of the ejection of {key}"
    for name in sorted({"budget_percent", "budget_least"} & set(retries)):
        yield f"routes of Linkerd have no budget of retries; remove {name} of the retries of {key}"
    if retries and retries.get("attempts", 2):
        names = RETRY_ON[protocol]
        if "retry_on" not in retries:
            yield f"Linkerd repeats calls by their answers alone; give the retries of {key} retry_on with {', '.join(names)}"
        for condition in retries.get("retry_on", ()):
            if condition not in names:
                yield f"Linkerd does not repeat {protocol} on {condition}; use {', '.join(names)} for {key}"


def _same(mesh: Mesh, service: Service) -> Iterator[Fault]:
    """Linkerd keeps what callers ask for with the service that they call."""
    upstreams = callers(mesh, service)
    for other in upstreams[1:]:
        if asked(other, service.protocol) != asked(upstreams[0], service.protocol):
            text = f"callers of {service.key} have other timeouts, retries or ejection than the one at {upstreams[0].where}"
            yield Fault(other.where, f"{text}: Linkerd has one for all callers; make them the same")
