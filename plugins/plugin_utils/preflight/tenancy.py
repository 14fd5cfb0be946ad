# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight finds wrong with the namespaces of teams, and with the pools that a placement file gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.tenancy import TenancyError

from ..placement import model, render
from ..user_error import UserError
from .model import Cluster, Fault

Rule = Callable[[Cluster], Iterator[Fault]]


def tenants(validate: Callable[[Sequence[Mapping[str, Any]]], None]) -> Rule:
    """The rule about namespaces that cannot be, as an engine judges them. What is of a wrong type is told elsewhere."""

    def rule(cluster: Cluster) -> Iterator[Fault]:
        variables = cluster.hosts[0].variables if cluster.hosts else {}
        listed = variables.get("cluster_namespaces")
        try:
            if listed is None and variables.get("cluster_placement"):
                placement = model.load(str(variables["cluster_placement"]))
                listed = render.cluster(placement, cluster.name)["namespaces"]
                yield from _pools(cluster, placement)
            validate([e for e in listed or [] if isinstance(e, Mapping) and isinstance(e.get("name"), str)])
        except (TenancyError, UserError) as error:
            fault, _semicolon, remedy = str(error).rpartition("; ")
            yield Fault("", "tenancy", fault or remedy, remedy)

    return rule


def _pools(cluster: Cluster, placement: model.Placement) -> Iterator[Fault]:
    """Host nodes in pools that the placement does not know: nothing says who may run there."""
    pools = {pool.name for pool in placement.pools[cluster.name]}
    for host in cluster.hosts:
        pool = host.variables.get("cluster_pool")
        if pool and pool not in pools:
            text = f"{placement.path} has no pool {pool} in the cluster {cluster.name}"
            yield Fault(host.name, "tenancy", text, "add the pool there, or move the host to another one")
