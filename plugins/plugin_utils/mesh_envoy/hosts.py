# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a mesh, and its issuer, are told: pure functions of the mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import places

from ..contract import Identity
from ..mesh.model import Mesh


def describe(mesh: Mesh, name: str, cluster: str, managers: Sequence[str], identity: Identity) -> dict[str, Any]:
    """What programs on a host read; C(managers) are addresses, C(identity) the host's certificate of the cluster."""
    sidecars = []
    for service in mesh.on(name):
        instance = service.on(name)
        if instance is None:
            continue
        sidecars.append(
            {
                "id": service.id,
                "key": service.key,
                "identity": mesh.identity(service),
                "address": instance.address,
                "mesh_port": service.mesh_port,
                "port": service.port,
                "protocol": service.protocol,
                "strict": service.strict,
                "run_as": service.run_as,
                "unit": instance.unit,
                "job": instance.job,
                "upstreams": [{"key": upstream.key, "bind": upstream.bind} for upstream in service.upstreams],
            }
        )
    return {
        "cluster": cluster,
        "issuers": [f"https://{f'[{a}]' if ':' in a else a}:{places.ISSUER}" for a in managers],
        "ca": identity.ca,
        "cert": identity.cert,
        "key": identity.key,
        "renew_before_minutes": mesh.renew_before_minutes,
        "sidecars": sidecars,
    }


def issued(mesh: Mesh, host_subject: str) -> dict[str, Any]:
    """What the issuer reads: the identities that each host may have, and how the engine's certificates name hosts."""
    hosts: dict[str, dict[str, Any]] = {}
    for service in mesh.services.values():
        for instance in service.instances:
            entry = hosts.setdefault(instance.host, {"address": instance.address, "identities": []})
            entry["identities"].append(mesh.identity(service))
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
