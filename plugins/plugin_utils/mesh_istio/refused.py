# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the model Istio, as it is run here, does not do. Each is told by its name, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator

from ..mesh.model import HTTP, Fault, Mesh, Service

LOWEST = 1024  # sidecars run without rights


def refused(mesh: Mesh) -> Iterator[Fault]:
    """Every fault."""
    for service in mesh.services.values():
        for text in _of_service(mesh, service):
            yield Fault(service.where, text)
        for upstream in service.upstreams:
            if upstream.key in mesh.destinations:
                yield Fault(
                    upstream.where, f"{upstream.key} is reached by a gateway, which mesh_istio does not run; remove it"
                )
            for name in sorted({"attempts", "timeout", "retry_on"} & set(upstream.given.get("retries", {}))):
                callee = mesh.callees.get(upstream.key)
                if isinstance(callee, Service) and callee.protocol not in HTTP:
                    text = f"{upstream.key} speaks {callee.protocol}, whose calls are not repeated"
                    yield Fault(upstream.where, f"{text}; remove {name} of retries")
    for gateway in mesh.gateways.values():
        text = f"the gateway {gateway.key} cannot be run by mesh_istio"
        yield Fault(gateway.where, f"{text}; remove it, or take the component mesh_envoy")
    if mesh.collector:
        yield Fault("mesh_telemetry", "mesh_istio sends no traces; remove traces")


def _of_service(mesh: Mesh, service: Service) -> Iterator[str]:
    key = service.key
    if "rate_limit" in service.given:
        yield f"mesh_istio has no rate limit; remove rate_limit of {key}"
    if "health" in service.given:
        yield f"Istio asks no service of a host whether it is healthy; remove health of {key}, and give callers ejection instead"
    if service.placed:
        yield f"{key} runs as a job of Nomad, where mesh_istio does not run; take the component mesh_envoy"
    if any(split.weight != round(split.weight) for split in service.splits):
        yield f"weights of Istio are whole numbers; round the splits of {key}"
    if service.in_pods:
        if service.isolated:
            yield f"mesh_istio isolates services of hosts alone; remove isolated of {key}, and give its namespace a network policy"
        if service.metrics_port:
            yield f"statistics of sidecars in pods are at port 15090; remove metrics_port of {key}"
    ports = (service.mesh_port, *(upstream.bind for upstream in service.upstreams))
    for port in (port for port in ports if port < LOWEST):
        yield f"a sidecar of mesh_istio listens on no port below {LOWEST}; change {port} of {key}"
    total = sum(round(weight) for _other, _subset, weight in mesh.shares(key))
    if service.splits and total != 100:
        yield f"the splits of {key} lead to other splits whose shares are no whole numbers; make them so"
