# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime on Kubernetes: functions are services of Knative."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...contract import MANAGER, NODE, Part, Requirements
from ...preflight.model import Cluster, Fault
from .. import preflight
from ..component import COMPONENT as SHARED
from .objects import refused

_MANAGER = SHARED.parts[MANAGER]


def policies_hold(cluster: Cluster) -> Iterable[Fault]:
    """Without network policies any pod could call a function, and a function any pod."""
    network = {host.variables.get("cluster_pod_network") for host in cluster.hosts} - {None, ""}
    if network == {"bridge"}:
        text = "cluster_pod_network is bridge, which holds no network policies, so functions would not be shut off"
        yield Fault("", "functions", text, "use another pod network, or take faas_runtime out of cluster_components")


def pool_has_hosts(cluster: Cluster) -> Iterable[Fault]:
    """Knative's programs would wait for hosts for ever."""
    given = (host.variables.get("faas_runtime_pool") for host in cluster.hosts)
    desired = sorted({str(pool) for pool in given if pool})
    yield from preflight.without_hosts(cluster, [("faas_runtime_pool is", pool) for pool in desired])


def declared(cluster: Cluster) -> Iterable[Fault]:
    """What is wrong with the declared functions."""
    return preflight.declared(cluster, refused, cluster.engine.networks)


COMPONENT = replace(
    SHARED,
    parts={
        MANAGER: replace(_MANAGER, artifacts=(*_MANAGER.artifacts, "knative")),
        # Of what runs in its pods the images.
        NODE: Part(
            requirements=Requirements(memory_mib=600, disk_mib={"/var/lib": 1500}),
            artifacts=("knative", "knative-gateway"),
        ),
    },
    rules=(declared, policies_hold, pool_has_hosts),
    checks_module="keelson.cluster.faas_runtime_knative_checks",
    groups={"Functions": (*SHARED.groups["Functions"], "serving", "called")},
)
