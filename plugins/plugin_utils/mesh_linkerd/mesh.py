# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a cluster as Linkerd can have it, and its objects as the text of a file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import yaml

from ..mesh import inventory
from ..mesh.model import Mesh
from .objects import address, objects
from .refused import refused

HEAD = """\
# Objects of Linkerd, written by keelson.cluster.mesh_linkerd from mesh_services of {cluster}. They were not tried live.
# Pods need the label app and the service account of their service, the label version of their run, the port of the service among
# their ports, and a service that listens at the pod's own address, not on loopback.
"""


def mesh_of(variables: Mapping[str, Any], hostvars: Mapping[str, Mapping[str, Any]], cluster: str) -> Mesh:
    """See C(mesh.inventory.mesh_of). Raises MeshError with all that is wrong, or that Linkerd does not do."""
    return inventory.mesh_of(variables, hostvars, cluster, "", functools.partial(refused, variables=variables))


def text(mesh: Mesh, cluster: str) -> str:
    """The file with all objects. Services call each other by other addresses than with the other providers: it begins with them."""
    lines = [
        f"# {service.key} calls {address(mesh.services[upstream.key])}, not 127.0.0.1:{upstream.bind}.\n"
        for service in mesh.services.values()
        for upstream in service.upstreams
    ]
    return (
        HEAD.format(cluster=cluster)
        + "".join(lines)
        + yaml.safe_dump_all(objects(mesh), sort_keys=False, explicit_start=True)
    )
