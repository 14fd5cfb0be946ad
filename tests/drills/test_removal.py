# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts are drained and come back; members are removed by name, whether they live or are dead."""

from __future__ import annotations

from lab.servers import Lab
from lab.state import assert_whole, await_ready
from lab.waiting import wait


def test_a_drain_and_back(cluster: Lab) -> None:
    """The second run of each changes nothing; a name that is none is refused."""
    name = cluster.nodes[0].name
    refused = cluster.play("drain", "-e", '{"drain_hosts": ["w9"]}').expect(2)
    assert "drain_hosts: w9; the host nodes of" in refused.words()
    assert cluster.play("drain", "-e", f"drain_hosts={name}").expect().changed()
    assert not cluster.play("drain", "-e", f"drain_hosts={name}").expect().changed()
    assert cluster.play("drain", "-e", f"drain_hosts={name} drain_state=ready").expect().changed()
    assert not cluster.play("drain", "-e", f"drain_hosts={name} drain_state=ready").expect().changed()
    assert_whole(cluster)


def test_a_dead_host_node_is_left_out_and_removed(cluster: Lab) -> None:
    """Installation goes on without it and says so; removed, it is forgotten."""
    dead = cluster.nodes[0]
    cluster.podman("stop", dead, "-t", "0")
    cluster.disconnect()
    try:
        assert f"remove_hosts={dead.name}" in cluster.play("install").expect().words()
        refused = cluster.play("remove", "-e", "remove_hosts=w9").expect(2)
        assert "remove_hosts: there is no w9; the cluster" in refused.words() and not refused.changed()
        cluster.play("remove", "-e", f"remove_hosts={dead.name}").expect()
        again = cluster.play("remove", "-e", f"remove_hosts={dead.name}").expect()
        assert "without these members already" in again.words()
    finally:
        cluster.destroy(dead)
        cluster.make(dead)
        cluster.play("install").expect()
    await_ready(cluster, [dead])
    assert_whole(cluster)


def test_a_manager_and_a_host_node_that_live_are_removed(cluster: Lab) -> None:
    """Their hosts are empty, the others go on, and installation brings them back."""
    going = [cluster.managers[2], cluster.nodes[-1]]
    names = ",".join(host.name for host in going)
    run = cluster.play("remove", "-e", f"remove_hosts={names}").expect()
    assert "take it out, or the next install makes it a member again" in run.words()
    for host in going:
        assert cluster.ssh(host, f"ls -d /etc/keelson/{cluster.name} /opt/keelson 2>/dev/null || true") == ""
    refused = cluster.play(
        "remove", "-e", f"remove_hosts={cluster.managers[0].name},{cluster.managers[1].name}"
    ).expect(2)
    assert "cannot be removed: of the 0 managers left" in refused.words()
    cluster.play("install").expect()
    await_ready(cluster, going[1:])
    wait("a whole cluster", lambda: assert_whole(cluster) is None, 120)
