# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New hosts join by themselves: a join document is all they get, and no controller runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab.enrollment import enroll, give, outcome
from lab.servers import ROOT, Lab, Server, server
from lab.state import assert_whole, await_ready

PLAYBOOK = str(ROOT / "tests" / "drills" / "prepare_new.yml")


@pytest.fixture
def new(cluster: Lab, request: pytest.FixtureRequest) -> Iterator[list[Server]]:
    """The named servers as from an image, which the inventory does not have; afterwards the cluster has forgotten them."""
    before, hosts = list(cluster.hosts), [server(name) for name in request.param.split()]
    cluster.make(*hosts)
    cluster.hosts = [*before, *hosts]
    try:
        cluster.play(PLAYBOOK, "-e", f"new={':'.join(host.name for host in hosts)}").expect()
        cluster.hosts = before
        yield hosts
    finally:
        cluster.hosts = before
        cluster.destroy(*hosts)
        cluster.driver.forget(cluster, {host.name for host in hosts})


def boot(lab: Lab, hosts: list[Server]) -> float:
    """Boot servers at once, and await them as host nodes of their pools; returns the seconds that took."""
    lab.disconnect()
    start = time.monotonic()
    with ThreadPoolExecutor(len(hosts)) as together:
        list(together.map(lambda host: lab.podman("restart", host, "-t", "0"), hosts))
    await_ready(lab, hosts)
    return time.monotonic() - start


# The last one is for a pool of which the inventory has no host.
@pytest.mark.parametrize("new", ["w6 w7 w8 w9 u1"], indirect=True, ids=["of two pools"])
def test_three_hosts_at_once(cluster: Lab, new: list[Server], tmp_path: Path) -> None:
    *three, fourth, burst = new
    document = enroll(cluster, tmp_path, "-e", "enroll_hosts=3")
    token = json.loads(document)["token"]

    for host in three:  # user data is there when a server boots
        cluster.ssh(host, "systemctl stop keelson-join.path")
        give(cluster, host, document)
    seconds = boot(cluster, three)
    for host in three:
        said = outcome(cluster, host)
        assert said["state"] == "joined", said
    print(f"three hosts at once: {seconds:.1f} s from their boot until all are ready in their pool")

    give(cluster, fourth, document)
    said = outcome(cluster, fourth)
    assert said["state"] == "refused" and "has let in the 3 it was made for" in said["message"], said
    for host in (*three, fourth):
        found = cluster.ssh(host, f"grep -rls {token.partition('.')[2]} /etc /var/lib /run || true")
        assert host == fourth or not found, f"{host.name} keeps the token in {found}"

    give(cluster, burst, enroll(cluster, tmp_path, pool="burst"))
    said = outcome(cluster, burst)
    assert said["state"] == "joined" and cluster.driver.ready(cluster)[burst.name] == "burst", said

    assert not cluster.play("install").expect().changed()
    named = cluster.play("preflight").expect()
    assert "orphan" not in named.output, named.output[-2000:]

    boot(cluster, three[:1])
    assert_whole_but(cluster, [*three, burst])


@pytest.mark.parametrize("new", ["w6"], indirect=True, ids=["one"])
def test_a_revoked_token(cluster: Lab, new: list[Server], tmp_path: Path) -> None:
    document = enroll(cluster, tmp_path, "-e", "enroll_hosts=3")
    number = json.loads(document)["token"].partition(".")[0]
    cluster.play("enroll", "-e", f"enroll_revoke={number}").expect()
    give(cluster, new[0], document)
    said = outcome(cluster, new[0])
    assert said["state"] == "refused" and "forged, or revoked" in said["message"], said


def assert_whole_but(lab: Lab, more: list[Server]) -> None:
    """The cluster is whole, with these host nodes besides its own."""
    before = list(lab.hosts)
    lab.hosts = [*before, *more]
    try:
        assert_whole(lab)
    finally:
        lab.hosts = before
