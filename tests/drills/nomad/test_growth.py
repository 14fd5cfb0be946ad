# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster follows its stack: new servers join, those that went are named and leave when told to."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from lab import nomad
from lab.servers import Lab, Server, server
from lab.state import assert_whole


@pytest.fixture
def more(cluster: Lab) -> Iterator[list[Server]]:
    """Two more managers and one more host node, bare; afterwards the lab is as before."""
    before = list(cluster.hosts)
    new = [server(name) for name in ("m4", "m5", "w3")]
    cluster.make(*new)
    yield new
    cluster.hosts = before
    cluster.destroy(*new)
    cluster.play("install", "-e", '{"cluster_remove_orphans": true, "cluster_remove_max": 3}')


def test_growing_and_shrinking(cluster: Lab, more: list[Server]) -> None:
    m4, m5, w3 = more
    secrets = cluster.secrets()
    before = list(cluster.hosts)

    cluster.hosts = [*before, w3]
    joined = cluster.play("install").expect()
    assert {host for _task, host in joined.changed()} == {w3.name}, joined.changed()
    assert_whole(cluster)

    cluster.hosts = [*before, m4, w3]
    refused = cluster.play("install").expect(2)
    assert "4 cluster managers survive no more failures than 3" in refused.words()
    assert not refused.changed()

    cluster.hosts = [*before, m4, m5, w3]
    cluster.play("install").expect()
    assert_whole(cluster)
    assert cluster.secrets() == secrets
    assert not cluster.play("install").expect().changed()

    cluster.hosts = before
    named = cluster.play("preflight").expect()
    for host, part in ((m4, "manager"), (m5, "manager"), (w3, "node")):
        assert re.search(rf"warning +\S*{host.name}\S* +{part} {host.address}", named.output), named.output[-3000:]
    cluster.play("install").expect()
    alive = {node["Name"] for node in nomad.ask(cluster, "/v1/nodes") if node["Status"] == "ready"}
    assert w3.name in alive and {m4.address, m5.address} <= peers(cluster), "a member nobody told to remove is gone"

    few = cluster.play("install", "-e", '{"cluster_remove_orphans": true}').expect(2)
    assert "2 managers are to be removed" in few.words() and not few.changed()
    told = ("install", "-e", '{"cluster_remove_orphans": true, "cluster_remove_max": 2}')
    refused = cluster.play(*told).expect(2)
    assert f"The manager {m4.name} ({m4.address}) was not removed, for it may live" in refused.words()
    assert m4.address in peers(cluster) and not eligible(cluster, w3), "the host node was to be drained all the same"

    cluster.destroy(m4, m5)
    cluster.play(*told).expect()
    assert peers(cluster) == {manager.address for manager in cluster.managers}


def eligible(lab: Lab, node: Server) -> bool:
    """Whether the host node may take work."""
    (entry,) = [entry for entry in nomad.ask(lab, "/v1/nodes") if entry["Address"] == node.address]
    return bool(entry["SchedulingEligibility"] == "eligible")


def peers(lab: Lab) -> set[str]:
    """The addresses of the raft peers."""
    servers = nomad.ask(lab, "/v1/operator/raft/configuration")["Servers"]
    return {entry["Address"].rpartition(":")[0] for entry in servers}
