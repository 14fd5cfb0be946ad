# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a cluster as Consul can have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..mesh import inventory
from ..mesh.model import Mesh, MeshError
from . import refused

NAME = "mesh_consul"


def hosts_of(hostvars: Mapping[str, Mapping[str, Any]], cluster: str) -> list[str]:
    """All hosts of a cluster; each has an agent."""
    return sorted(name for name, known in hostvars.items() if known.get("cluster_name") == cluster)


def mesh_of(
    variables: Mapping[str, Any], hostvars: Mapping[str, Mapping[str, Any]], cluster: str, component: str = NAME
) -> Mesh:
    """See C(mesh.inventory.mesh_of). Raises MeshError with all that is wrong, or that Consul cannot do."""
    mesh = inventory.mesh_of(variables, hostvars, cluster, component)
    found = list(map(str, refused.faults(mesh, variables, hosts_of(hostvars, cluster))))
    if found:
        raise MeshError("\n".join(found))
    return mesh


def access_log(variables: Mapping[str, Any]) -> str:
    """Which calls sidecars log: none unless all are asked for."""
    return str((variables.get("mesh_telemetry") or {}).get("access_log", "none"))
