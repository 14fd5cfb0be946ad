# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of Istio: a control plane in the cluster, sidecars in pods, and beside services of host nodes outside of containers."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import CONFIG, HOST, STATE
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import places

from ..contract import ANY_PORT, MANAGER, NODE, Component, Listener, Owned, Part, Probe, Requirements
from ..mesh import picture, shared
from ..mesh.owner_rules import TABLE
from ..preflight.model import Cluster, Fault
from .mesh import NAME, mesh_of


def policies_hold(cluster: Cluster) -> Iterator[Fault]:
    """Without network policies pods would be reached around their sidecars."""
    if not any(NAME in [found.name for found in cluster.components(host)] for host in cluster.hosts):
        return
    network = {host.variables.get("cluster_pod_network") for host in cluster.hosts} - {None, ""}
    if network == {"bridge"}:
        text = "cluster_pod_network is bridge, which holds no network policies, so pods would be reached around their sidecars"
        yield Fault("", "mesh", text, f"use another pod network, or take {NAME} out of cluster_components")


COMPONENT = Component(
    name=NAME,
    parts={
        MANAGER: Part(
            requirements=Requirements(memory_mib=300, disk_mib={"/opt": 50}),
            listeners=(
                Listener(
                    places.ISSUER,
                    "tcp",
                    "cluster",
                    "python3",
                    "issuer of the tokens of sidecars on hosts",
                    probe=Probe("https_members"),
                ),
            ),
            services=("keelson-istio-issuer.service",),
            artifacts=("istio",),
        ),
        NODE: Part(
            requirements=Requirements(memory_mib=400, disk_mib={"/opt": 400}, features=("systemd", "nf_tables")),
            listeners=(
                Listener(ANY_PORT, "tcp", "any", "envoy", "sidecars", optional=True),
                Listener(ANY_PORT, "tcp", "any", "pilot-agent", "agents of sidecars", optional=True),
            ),
            services=("keelson-mesh-rules.service", "keelson-istio-tokens.timer"),
            secrets=(HOST,),
            artifacts=("istio-proxy", "istio-agent", "envoy", "mesh-host"),
            owned=Owned(trees=(CONFIG, STATE), tables=(TABLE,)),
        ),
    },
    rules=(shared.rule(NAME, mesh_of), policies_hold),
    checks_module="keelson.cluster.mesh_istio_checks",
    host_checks_module="keelson.cluster.mesh_istio_host_checks",
    diagrams=shared.diagrams(NAME, mesh_of),
    groups={
        "Mesh": (
            "mesh_control",
            "mesh_pods",
            "mesh_sidecar",
            "mesh_leaf",
            "mesh_token",
            "mesh_closed",
            "mesh_owner",
            "mesh_boundary",
            picture.CALLS,
        )
    },
)
