# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh without a control plane: Envoy beside each service of a host, and an issuer of certificates on the managers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh import places
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import known

from ..contract import ANY_PORT, MANAGER, NODE, Component, Listener, Owned, Part, Probe, Requirements, ServerImage
from ..mesh import inventory, picture, shared
from ..mesh.owner_rules import TABLE
from . import secrets

NAME = "mesh_envoy"
_ARTIFACTS = ("envoy", "mesh-host")


faults = shared.rule(NAME)
diagrams = shared.diagrams(NAME)


def _secrets(
    cluster: str, variables: Mapping[str, Any], present: Mapping[str, Any] | None, change: str
) -> dict[str, Any]:
    return secrets.changed(present, change, cluster, inventory.without_services(variables, cluster).trust_domain)


COMPONENT = Component(
    name=NAME,
    parts={
        MANAGER: Part(
            listeners=(
                Listener(
                    known.ISSUER,
                    "tcp",
                    "cluster",
                    "python3",
                    "issuer of the mesh's certificates",
                    probe=Probe("https_members"),
                ),
            ),
            services=("keelson-mesh-issuer.service",),
            secrets=("/etc/keelson/*/mesh.json",),
        ),
        NODE: Part(
            requirements=Requirements(memory_mib=200, disk_mib={"/opt": 300}, features=("systemd", "nf_tables")),
            listeners=(Listener(ANY_PORT, "tcp", "cluster", "envoy", "sidecars", optional=True),),
            services=("keelson-mesh-rules.service", "keelson-mesh-renew.timer"),
            secrets=(places.HOST,),
            artifacts=_ARTIFACTS,
            owned=Owned(trees=(places.CONFIG, places.STATE, "/run/mesh-sidecar"), tables=(TABLE,)),
        ),
    },
    image=ServerImage(artifacts=_ARTIFACTS, unshared=("etc/keelson-mesh", "var/lib/keelson-mesh")),
    processes=("envoy",),
    rules=(faults,),
    host_checks_module="keelson.cluster.mesh_checks",
    own_secrets=_secrets,
    diagrams=diagrams,
    groups={
        "Mesh": (
            "mesh_sidecar",
            "mesh_leaf",
            "mesh_closed",
            "mesh_outside",
            "mesh_owner",
            "mesh_boundary",
            "mesh_health",
            picture.CALLS,
            "mesh_issuer",
        )
    },
)
