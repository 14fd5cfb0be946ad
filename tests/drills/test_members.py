# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers replaced under their names, and changes that are no good for host nodes; the same on both engines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab.applications import HELLO, deployed
from lab.servers import Lab, Server
from lab.state import assert_whole, await_ready
from lab.waiting import wait

REMOVE = ("-e", '{"cluster_remove_orphans": true}')


@contextmanager
def replaced(lab: Lab, host: Server) -> Iterator[Server]:
    """The server is destroyed, and a bare one has its name at another address; afterwards it is as before."""
    before = list(lab.hosts)
    lab.destroy(host)
    new = dataclasses.replace(host, address=f"{host.address}9")  # the same network: …21 -> …219
    lab.hosts = [new if other == host else other for other in before]
    lab.make(new)
    try:
        yield new
    finally:
        lab.destroy(new)
        lab.hosts = before
        lab.make(host)
        lab.play("install", *REMOVE).expect()
        wait("a whole cluster", lambda: assert_whole(lab) is None, 180)


def test_a_host_node_replaced_under_its_name(cluster: Lab) -> None:
    """It is told without the option, and with it the new one joins and takes work."""
    old = cluster.nodes[0]
    with replaced(cluster, old) as new:
        told = cluster.play("install").expect(2)
        assert f"made at {old.address}, the inventory says {new.address}" in told.faults() and not told.changed()
        cluster.play("install", *REMOVE).expect()
        await_ready(cluster, [new])
        assert_whole(cluster)
        assert not cluster.play("install", *REMOVE).expect().changed()


def test_a_host_node_that_joins_after_deploy_has_the_image_of_the_bundle(cluster: Lab, tmp_path: Path) -> None:
    """`deploy` brings it only to the host nodes of its time, and would bring it to one that lacks it."""
    with deployed(cluster, tmp_path), replaced(cluster, cluster.nodes[0]) as new:
        cluster.play("install", *REMOVE).expect()
        again = cluster.play("deploy", "-e", f"deploy={tmp_path / 'hello.yml'}", "--check").expect()
        assert new.pool == HELLO["pool"]
        assert [task for task, host in again.changed() if host == new.name and "Load the image" in task] == []


def test_a_manager_replaced_under_its_name_at_once(cluster: Lab) -> None:
    """Nobody waits until the others have noticed; the new one is a member, and none is left of the old one."""
    old = cluster.managers[1]
    with replaced(cluster, old) as new:
        run = cluster.play("install", *REMOVE).expect()
        assert "after the removal of m2, 2 managers are left" in run.words()
        wait("a whole cluster", lambda: assert_whole(cluster) is None, 180)
        assert new in cluster.managers


def started(lab: Lab, hosts: Sequence[Server]) -> dict[str, int]:
    """When each host's agent was started, in microseconds of the clock all local servers share."""
    ask = f"systemctl show {lab.driver.UNIT} --value --property=ExecMainStartTimestampMonotonic"
    return {host.name: int(lab.ssh(host, ask)) for host in hosts}


def test_a_change_rolls_through_the_host_nodes(cluster: Lab) -> None:
    """One host goes first, alone; a pool's hosts follow each other, and the next run is at rest."""
    before = started(cluster, cluster.nodes)
    foreseen = cluster.play("install", "--check", variables=cluster.driver.GOOD).expect()
    run = cluster.play("install", variables=cluster.driver.GOOD).expect()
    assert {host for _task, host in run.changed()} <= {host for _task, host in foreseen.changed()}
    after = started(cluster, cluster.nodes)
    assert all(after[name] > before[name] for name in before)
    pools = [[after[node.name] for node in cluster.nodes if node.pool == pool] for pool in ("web", "batch")]
    first, *others = sorted(after.values())
    assert min(others) - first > 2_000_000, after
    for moments in map(sorted, pools):
        assert all(later - earlier > 2_000_000 for earlier, later in zip(moments, moments[1:])), after
    assert_whole(cluster)
    assert not cluster.play("install", variables=cluster.driver.GOOD).expect().changed()
    cluster.play("install").expect()


def test_a_change_that_does_not_run_stops_after_one_host(cluster: Lab) -> None:
    """That host has its old configuration back and runs; nobody else was touched."""
    before = started(cluster, cluster.nodes)
    refused = cluster.play("install", variables=cluster.driver.WRONG).expect(2)
    said = refused.words()
    assert "The old one is back and runs" in said, refused.output[-3000:]
    assert f"{cluster.driver.UNIT}.service does not run (" in said
    after = started(cluster, cluster.nodes)
    assert len([name for name in before if after[name] != before[name]]) == 1, (before, after)
    await_ready(cluster, cluster.nodes)
    assert_whole(cluster)
    cluster.play("install").expect()
    assert not cluster.play("install").expect().changed()


@pytest.mark.parametrize("number", [0, 1])
def test_enroll_with_a_dead_manager(cluster: Lab, number: int) -> None:
    """The join document is written all the same."""
    dead = cluster.managers[number]
    document = cluster.folder / "join.json"
    document.unlink(missing_ok=True)
    cluster.podman("stop", dead, "-t", "0")
    try:
        cluster.play("enroll", "-e", f"enroll_pool=web enroll_document={document}").expect()
        assert document.exists()
    finally:
        cluster.podman("start", dead)
        cluster.disconnect()
    wait("a whole cluster", lambda: assert_whole(cluster) is None, 180)
