# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters whose hosts have IPv6 addresses alone, and those whose hosts have both families; the same on both engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.applications import deployed
from lab.enrollment import enroll, give, outcome
from lab.servers import NAME, OWN_SUBNET, ROOT, SUBNET6, Lab, server
from lab.state import assert_whole, await_ready

PREPARE = str(ROOT / "tests" / "drills" / "prepare_new.yml")
#: The first one is the family of cluster_address.
FAMILIES = {"six": SUBNET6, "both": f"{OWN_SUBNET},{SUBNET6}", "six-first": f"{SUBNET6},{OWN_SUBNET}"}


@pytest.fixture(scope="module", params=FAMILIES)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A manager and two host nodes with addresses of these families."""
    keep = request.config.getoption("--keep")
    servers = Lab(f"{NAME}-{request.param}", ("m1", "w1", "w2"), subnet=FAMILIES[request.param])
    if not (keep and servers.exist()):
        servers.make()
    yield servers
    if not keep:
        servers.destroy()


def test_a_cluster_is_made_and_passes_all_checks(lab: Lab, tmp_path: Path) -> None:
    """Installed, whole, at rest with a second run, and every check of `verify` passes."""
    lab.play("install").expect()
    assert_whole(lab)
    assert not lab.play("install").expect().changed()
    lab.play("verify", "-e", f"verify_report={tmp_path}").expect()
    assert not [check for check in json.loads((tmp_path / "report.json").read_text())["checks"] if not check["passed"]]


def test_instances_reach_hosts_by_every_family(lab: Lab, tmp_path: Path) -> None:
    """From inside each instance ssh of a manager answers at each address that the manager has."""
    manager = lab.managers[0]
    with deployed(lab, tmp_path):
        for node in lab.nodes:
            for address in filter(None, (manager.address, manager.other)):
                ask = f"nsenter -t $(pgrep -ox sample) -n timeout 10 bash -c 'head -c 3 </dev/tcp/{address}/22'"
                assert lab.ssh(node, ask, check=False) == "SSH", (node.name, address)


def test_a_host_joins_by_itself(lab: Lab, tmp_path: Path) -> None:
    """With a join document alone, by the family of its cluster; its instances have what those of other nodes have."""
    new, before = server("w6", lab.subnet), list(lab.hosts)
    lab.make(new)
    lab.hosts = [*before, new]
    try:
        lab.play(PREPARE, "-e", f"new={new.name}").expect()
        lab.hosts = before
        give(lab, new, enroll(lab, tmp_path))
        said = outcome(lab, new)
        assert said["state"] == "joined", said
        await_ready(lab, [new])
        told = lab.ssh(before[1], lab.driver.FAMILIES), lab.ssh(new, lab.driver.FAMILIES)
        assert told[0] == told[1]
    finally:
        lab.hosts = before
        lab.destroy(new)
        lab.driver.forget(lab, {new.name})
