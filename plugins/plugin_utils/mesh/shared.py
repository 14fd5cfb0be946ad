# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the components of all providers of the mesh have in common: a rule of preflight, and the drawing of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check

from ..components import ENABLED
from ..contract import Component
from ..preflight.model import WARNING, Cluster, Fault
from . import boundary, inventory, picture
from .model import Mesh, MeshError
from .owner_rules import TABLE

#: By the variables of a host, those of all hosts, the cluster's name and the component's: its mesh. Raises MeshError.
Read = Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]], str, str], Mesh]


def rule(name: str, read: Read = inventory.mesh_of) -> Callable[[Cluster], Iterator[Fault]]:
    """The rule of preflight of a provider, which C(read)s the mesh."""

    def faults(cluster: Cluster) -> Iterator[Fault]:
        members = [host for host in cluster.hosts if name in [found.name for found in cluster.components(host)]]
        if not members:
            return
        owners = {found.name for found in cluster.components(members[0]) if _runs_sidecars(found)}
        if len(owners) > 1:
            text = f"cluster_components has {' and '.join(sorted(owners))}: a service has one sidecar"
            yield Fault("", "mesh", text, "choose one provider of the mesh")
        try:
            mesh = read(members[0].variables, {host.name: host.variables for host in members}, cluster.name, name)
            for finding in boundary.compare(mesh, cluster.networks):
                remedy = "correct the variables of the mesh, or leave it where it is meant"
                yield Fault("", f"mesh {finding.kind}", f"{finding.where}: {finding.text}", remedy, WARNING)
        except MeshError as error:
            for line in str(error).splitlines():
                where, _colon, text = line.partition(": ")
                yield Fault("", "mesh", f"{where}: {text}", "correct the variables of the mesh")

    return faults


def _runs_sidecars(component: Component) -> bool:
    """Whether a component is a provider of the mesh: it owns the table that closes services but to their sidecars."""
    return any(TABLE in part.owned.tables for part in component.parts.values())


def diagrams(
    name: str, read: Read = inventory.mesh_of
) -> Callable[[Mapping[str, Mapping[str, Any]], Sequence[Check]], dict[str, str]]:
    """Who may call whom, of the services that the hosts with the component run."""

    def draw(hosts: Mapping[str, Mapping[str, Any]], checks: Sequence[Check]) -> dict[str, str]:
        members = [variables for variables in hosts.values() if name in (variables.get(ENABLED) or ())]
        if not members:
            return {}
        mesh = read(members[0], hosts, str(members[0]["cluster_name"]), name)
        return {picture.TITLE: picture.draw(mesh, checks)}

    return draw
