# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host nodes without a default route, or with one by another interface: applications are published where the cluster is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import bracketed
from lab.applications import deployed
from lab.servers import Lab
from lab.state import assert_whole, await_ready

GONE = "ip route del default; ip -6 route del default; true"
ELSEWHERE = f"{GONE}; ip link add other type dummy; ip addr add 198.51.100.9/24 dev other; ip link set other up"
OTHER = f"{ELSEWHERE}; ip route add default dev other"


@pytest.mark.parametrize("change", [GONE, OTHER], ids=["none", "another interface"])
def test_applications_are_published_on_cluster_address(cluster: Lab, tmp_path: Path, change: str) -> None:
    """The agents start all the same, and instances answer at the host's cluster_address."""
    nodes = cluster.nodes
    before = {node: cluster.ssh(node, "ip route show default; ip -6 route show default") for node in nodes}
    try:
        for node in nodes:
            cluster.ssh(node, f"({change}) 2>/dev/null; systemctl restart nomad")
        await_ready(cluster, nodes)
        with deployed(cluster, tmp_path) as name:
            published = {url.rpartition(":")[0] for url in cluster.driver.published(cluster, name)}
            assert published <= {f"http://{bracketed(node.address)}" for node in nodes}, published
            assert not cluster.play("install").expect().changed()
    finally:
        for node, routes in before.items():
            cluster.ssh(node, f"{GONE} 2>/dev/null; ip link del other 2>/dev/null; true")
            for line in routes.splitlines():
                cluster.ssh(node, f"ip route add {line.partition(' proto ')[0]}")
            cluster.ssh(node, "systemctl restart nomad")
    await_ready(cluster, nodes)
    assert_whole(cluster)
