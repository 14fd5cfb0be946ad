# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a cluster as Istio can have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..mesh import inventory
from ..mesh.model import Mesh
from .refused import refused

NAME = "mesh_istio"


def mesh_of(
    variables: Mapping[str, Any], hostvars: Mapping[str, Mapping[str, Any]], cluster: str, component: str = NAME
) -> Mesh:
    """See C(mesh.inventory.mesh_of). Raises MeshError with all that is wrong, or that Istio, as it is run here, does not do."""
    return inventory.mesh_of(variables, hostvars, cluster, component, refused)
