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
from lab.servers import NAME, SUBNET, SUBNET6, Lab
from lab.state import assert_whole

#: The first one is the family of cluster_address.
FAMILIES = {"six": SUBNET6, "both": f"{SUBNET},{SUBNET6}", "six-first": f"{SUBNET6},{SUBNET}"}


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
