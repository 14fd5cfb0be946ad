# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All servers of a Nomad cluster are cut from power, and come back in any order."""

from __future__ import annotations

import random
import time

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.sample import job
from lab import nomad
from lab.nomad_load import remove, sample_image, submit
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait

LIMIT = 120.0  # seconds


def running(lab: Lab) -> int:
    """How many instances of the application run."""
    found = nomad.ask(lab, "/v1/job/keelson-sample/allocations")
    return sum(entry["ClientStatus"] == "running" and entry["DesiredStatus"] == "run" for entry in found)


def test_all_servers_come_back_in_a_random_order(cluster: Lab, request: pytest.FixtureRequest) -> None:
    """The cluster and its application are there again by themselves, and an installation has nothing to do."""
    lab, order = cluster, list(cluster.hosts)
    lab.play("tests/drills/sample_image.yml").expect()
    submit(lab, job("web", sample_image(lab), 3, "1"))
    wait("three instances", lambda: running(lab) == 3)
    random.Random(request.config.getoption("--seed")).shuffle(order)
    for host in order:
        lab.podman("kill", host, "--signal", "KILL")
    lab.disconnect()
    begun = time.monotonic()
    for host in order:
        lab.podman("start", host)
    wait("a whole cluster", lambda: assert_whole(lab) is None, LIMIT)
    whole = time.monotonic() - begun
    wait("three instances", lambda: running(lab) == 3, LIMIT)
    took = time.monotonic() - begun
    print(
        f"order: {' '.join(host.name for host in order)}; whole after {whole:.1f} s, its application after {took:.1f} s"
    )
    remove(lab, "keelson-sample")
    assert not lab.play("install").expect().changed()
