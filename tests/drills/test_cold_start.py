# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of a cluster are cut from power, and come back in any order."""

from __future__ import annotations

import random
import time

import pytest
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait


def test_all_servers_come_back_in_a_random_order(cluster: Lab, request: pytest.FixtureRequest) -> None:
    """The cluster and its application are there again by themselves, and an installation has nothing to do."""
    lab, order = cluster, list(cluster.hosts)
    lab.play("install").expect()
    random.Random(request.config.getoption("--seed")).shuffle(order)
    with lab.work.load(lab):
        for host in order:
            lab.podman("kill", host, "--signal", "KILL")
        lab.disconnect()
        begun = time.monotonic()
        for host in order:
            lab.podman("start", host)
        wait("a whole cluster", lambda: assert_whole(lab) is None, lab.driver.COLD_START)
        whole = time.monotonic() - begun
        wait("three instances", lambda: lab.work.running(lab) == 3, lab.driver.COLD_START)
        took = time.monotonic() - begun
    print(
        f"order: {' '.join(host.name for host in order)}; whole after {whole:.1f} s, its application after {took:.1f} s"
    )
    assert not lab.play("install").expect().changed()
