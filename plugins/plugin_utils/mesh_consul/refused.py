# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model of a mesh can say and Consul cannot do: each is refused by its name, none is left out in silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..mesh.model import HTTP, METHODS, Fault, Mesh, Service
from .tokens import node_name

LEAST_MINUTES = 60
RETRY_ON = (
    *("5xx", "gateway-error", "reset", "connect-failure", "envoy-ratelimited", "retriable-4xx", "refused-stream"),
    *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
)
RETRIES = ("timeout", "budget_percent", "budget_least")


def faults(mesh: Mesh, variables: Mapping[str, Any], hosts: Iterable[str]) -> Iterator[Fault]:
    """All of them; C(variables) are those of the mesh as they are written, C(hosts) all of the cluster."""
    identity, telemetry = variables.get("mesh_identity") or {}, variables.get("mesh_telemetry") or {}
    for name in ("trust_domain", "renew_before_minutes"):
        if name in identity:
            yield Fault(f"mesh_identity.{name}", "Consul decides this itself; leave it out")
    if mesh.leaf_minutes < LEAST_MINUTES:
        yield Fault("mesh_identity.leaf_minutes", f"Consul makes no leaf for less than {LEAST_MINUTES} minutes")
    if telemetry.get("access_log") == "errors":
        yield Fault("mesh_telemetry.access_log", "Consul logs every call or none; use all or none")
    if "traces" in telemetry:
        yield Fault("mesh_telemetry.traces", "traces are not part of this provider; leave them out")
    for gateway in mesh.gateways.values():
        yield Fault(gateway.where, f"the gateway {gateway.key}: gateways are not part of this provider; remove it")
    for service in mesh.services.values():
        yield from _service(service)
    yield from _upstreams(mesh)
    names: dict[str, list[str]] = defaultdict(list)
    for host in hosts:
        names[node_name(host)].append(host)
    for name, same in names.items():
        if len(same) > 1:
            yield Fault("the inventory", f"Consul would call {' and '.join(sorted(same))} {name}; rename one of them")


def _service(service: Service) -> Iterator[Fault]:
    if not service.strict:
        yield Fault(service.where, f"{service.key} is permissive: Consul's sidecars take no plain text; remove mode")
    if "rate_limit" in service.given:
        yield Fault(service.where, f"{service.key} has a rate_limit, which Consul's Enterprise Edition has; remove it")
    if "health" in service.given and service.protocol in ("http2", "grpc"):
        text = f"{service.key} speaks {service.protocol}, and Consul asks for health by HTTP/1.1; remove health"
        yield Fault(service.where, text)
    if service.splits and service.protocol not in HTTP:
        yield Fault(service.splits[0].where, f"{service.key} speaks {service.protocol}: Consul splits HTTP alone")
    for rule in service.allow:
        for method in rule.methods:
            if method not in METHODS:
                yield Fault(rule.where, f"Consul knows no method {method}; use {', '.join(METHODS)}")


def _upstreams(mesh: Mesh) -> Iterator[Fault]:
    """Timeouts and retries, which Consul keeps with the service that is called: the same for all of its callers."""
    first: dict[str, tuple[str, Any]] = {}
    for caller in mesh.services.values():
        for upstream in caller.upstreams:
            retries = upstream.given.get("retries", {})
            for name in RETRIES:
                if name in retries:
                    yield Fault(upstream.where, f"Consul has no {name} of retries; remove it")
            for condition in retries.get("retry_on", ()):
                if condition not in RETRY_ON:
                    yield Fault(upstream.where, f"Consul does not retry on {condition}; use {', '.join(RETRY_ON)}")
            asked = {name: upstream.given[name] for name in ("timeout", "retries") if name in upstream.given}
            target = mesh.services.get(upstream.key)
            if asked and target and target.protocol not in HTTP:
                yield Fault(upstream.where, f"{upstream.key} speaks {target.protocol}: no timeout and retries")
            known, before = first.setdefault(upstream.key, (caller.key, asked))
            if before != asked:
                text = f"{caller.key} and {known} have other timeouts or retries for {upstream.key}"
                yield Fault(upstream.where, f"{text}: Consul has one for all callers; make them the same")
