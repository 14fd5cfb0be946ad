# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a cluster, out of the variables of an inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..components import ENABLED
from ..contract import NODE
from .model import VARIABLES, Fault, Host, Mesh, MeshError, read
from .rules import check

KNOWN = (*VARIABLES, "mesh_new_authority", "mesh_remove", "mesh_linkerd_file")  # the last ones are of playbooks


def in_pods(mesh: Mesh) -> Iterator[Fault]:
    """Services in pods, beside which most providers have no sidecars."""
    for service in mesh.services.values():
        if service.in_pods:
            text = f"{service.key} runs in pods, beside which this provider has no sidecars"
            yield Fault(service.where, f"{text}; let hosts run it, or choose one that has")


def mesh_of(
    variables: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
    cluster: str,
    component: str,
    refused: Callable[[Mesh], Iterator[Fault]] = in_pods,
) -> Mesh:
    """The mesh that the variables of one of its hosts describe; the host nodes with the component, or all without one, run its services.

    Raises MeshError with all that is wrong; C(refused) is what the provider does not do.
    """
    unknown = sorted(
        name for name in variables if name.startswith("mesh_") and name not in KNOWN and "sidecar" not in name
    )
    if unknown:
        raise MeshError(f"{unknown[0]}: no such variable of a mesh; use {', '.join(VARIABLES)}")
    hosts = [
        Host(name, str(known["cluster_address"]), tuple(known.get("group_names") or ()))
        for name, known in hostvars.items()
        if known.get("cluster_name") == cluster
        and known.get("cluster_part") == NODE
        and (not component or component in (known.get(ENABLED) or ()))
    ]
    return check(read({name: variables.get(name) for name in VARIABLES}, hosts, cluster), refused)


def without_services(variables: Mapping[str, Any], cluster: str) -> Mesh:
    """The mesh with its identity alone, which costs the same however many services there are. Raises MeshError."""
    return read({"mesh_identity": variables.get("mesh_identity")}, [], cluster)
