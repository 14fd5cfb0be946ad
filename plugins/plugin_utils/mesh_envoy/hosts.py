# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a mesh, and its issuer, are told: pure functions of the mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import known

from ..contract import Identity
from ..mesh.model import Gateway, Mesh, Service
from . import envoy, gateways, render


def describe(mesh: Mesh, name: str, cluster: str, managers: Sequence[str], identity: Identity) -> dict[str, Any]:
    """What programs on a host read; C(managers) are addresses, C(identity) the host's certificate of the cluster."""
    own = [
        {
            **_common(mesh, service, name),
            "kind": "service",
            "mesh_port": service.mesh_port,
            "port": service.port,
            "protocol": service.protocol,
            "strict": service.strict,
            "run_as": service.run_as,
        }
        for service in mesh.on(name)
    ]
    ways = [
        {
            **_common(mesh, gateway, name),
            "kind": "ingress" if gateway.routes else "egress",
            "mesh_port": gateway.port,
            "destinations": [destination.key for destination in gateway.destinations],
            "outside": dict(gateway.certificate) or {"chain": identity.cert, "key": identity.key},
        }
        for gateway in mesh.gateways_on(name)
    ]
    return {
        "cluster": cluster,
        "issuers": [f"https://{bracketed(a)}:{known.ISSUER}" for a in managers],
        "ca": identity.ca,
        "cert": identity.cert,
        "key": identity.key,
        "renew_before_minutes": mesh.renew_before_minutes,
        "sidecars": [*own, *ways],
    }


def _upstreams(mesh: Mesh, workload: Service | Gateway) -> list[dict[str, Any]]:
    """Where upstreams are called, and by which names their calls are counted."""
    return [
        {
            "key": upstream.key,
            "bind": upstream.bind,
            "clusters": [envoy.cluster_name(o, s).replace(":", "_") for o, s, _weight in mesh.shares(upstream.key)],
        }
        for upstream in workload.upstreams
    ]


def _common(mesh: Mesh, workload: Service | Gateway, host: str) -> dict[str, Any]:
    instance = workload.on(host)
    return {
        "id": workload.id,
        "key": workload.key,
        "identity": mesh.identity(workload),
        "address": instance.address if instance else "",
        "unit": instance.unit if instance else "",
        "job": instance.job if instance else "",
        "upstreams": _upstreams(mesh, workload),
    }


def sidecars(mesh: Mesh, host: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The files of each Envoy of a host, by its name."""
    return {
        **{service.id: render.sidecar(mesh, service, host) for service in mesh.on(host)},
        **{gateway.id: gateways.gateway(mesh, gateway, host) for gateway in mesh.gateways_on(host)},
    }


def issued(mesh: Mesh, host_subject: str) -> dict[str, Any]:
    """What the issuer reads: the identities that each host may have, and how the engine's certificates name hosts."""
    hosts: dict[str, dict[str, Any]] = {}
    for workload in mesh.workloads.values():
        for instance in workload.instances:
            entry = hosts.setdefault(instance.host, {"address": instance.address, "identities": []})
            entry["identities"].append(mesh.identity(workload))
    return {"hosts": hosts, "host_subject": host_subject, "leaf_minutes": mesh.leaf_minutes}


def interval(mesh: Mesh) -> str:
    """How often a host looks whether leaves are due: often enough for some tries before they end."""
    seconds = min(3600, max(10, mesh.renew_before_minutes * 60 // 12))
    return f"{seconds}s"


def files(described: Mapping[str, Any], rules: str) -> list[dict[str, Any]]:
    """The files of a host besides those of its sidecars, in the form that config_files takes."""
    return [
        {"path": places.CONFIG, "state": "directory", "mode": "0755"},
        {"path": places.STATE, "state": "directory", "mode": "0755"},
        {"path": places.HOST, "data": dict(described), "mode": "0600"},
        {"path": f"{places.CONFIG}/rules.nft", "content": rules, "mode": "0644"},
    ]
