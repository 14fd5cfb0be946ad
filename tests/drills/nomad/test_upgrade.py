# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades of a Nomad cluster: under load, cut off, refused, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lab import nomad
from lab.nomad_load import begin_once, ended_once, from_inside, load
from lab.servers import Lab
from lab.state import assert_whole
from lab.waiting import wait

OLD, NEW = nomad.OLD, nomad.NEW
INSTALLED = {"cluster_nomad_version": OLD}


def at(lab: Lab, version: str) -> bool:
    """Whether every member runs the version and takes work."""
    assert nomad.versions(lab) == {host.name: version for host in lab.hosts}, nomad.versions(lab)
    assert_whole(lab)
    return True


@pytest.fixture
def old(lab: Lab) -> Iterator[Lab]:
    """A whole cluster of the old version on bare servers, unless there is one already."""
    try:
        wait("the old version", lambda: at(lab, OLD), 10)
    except (AssertionError, ValueError):
        lab.make()
        lab.play("install", variables=INSTALLED).expect()
        wait("the old version", lambda: at(lab, OLD), 60)
    yield lab


WRONG = {"no_such_option": True}
# A run that was killed holds the lease for a while.
WAIT = ("-e", "cluster_lease_wait=120")


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["upgrade_to=9.9.9"], {}, "has no version 9.9.9 (it lists 1.11.3, 1.10.5)"),
        (["upgrade_to=1.11.3", "upgrade_max_unavailable=0"], {}, "upgrade_max_unavailable: '0' is neither a number"),
        (["upgrade_to=1.11.3", "upgrade_pause_after=wbe"], {}, "there is no pool 'wbe'; there are web, batch"),
        (
            ["upgrade_to=1.11.3"],
            {"cluster_bundle": "/tmp/no-such-bundle"},
            "lacks nomad=1.11.3: fill it with playbook bundle",
        ),
    ],
)
def test_bad_input(old: Lab, arguments: list[str], variables: dict[str, Any], message: str) -> None:
    """One message, and nothing was changed."""
    refused = old.play("upgrade", "-e", " ".join(arguments), variables=variables).expect(2)
    assert message in refused.words(), refused.output[-3000:]
    assert not refused.changed()
    wait("the old version", lambda: at(old, OLD), 60)


def test_a_manager_that_is_not_well_is_put_back(old: Lab) -> None:
    """One manager was tried, and all run the old version with their old configuration."""
    refused = old.play("upgrade", variables={"cluster_manager_nomad_config": WRONG}).expect(2)
    assert "It has its old version back and is well" in refused.words(), refused.output[-3000:]
    assert "no_such_option" in refused.words()
    wait("the old version", lambda: at(old, OLD), 60)
    assert not old.play("install").expect().changed()


def test_an_upgrade_under_load(old: Lab) -> None:
    """No request fails, a batch job ends once, installation keeps the old version, and the second run changes nothing."""
    lab = old
    kept = lab.play("install", variables={}).expect()
    assert not kept.changed() and nomad.versions(lab)["m1"] == OLD
    foreseen = lab.play("upgrade", "--check").expect()
    assert f"1 of {len(lab.hosts)}" in foreseen.output
    wait("the old version", lambda: at(lab, OLD), 60)
    with load(lab) as asking, from_inside(lab) as inside:
        begin_once(lab, 60)
        lab.play("upgrade", "-e", f"upgrade_to={NEW}").expect()
        wait("the new version", lambda: at(lab, NEW), 60)
    for where, requests in (("outside", asking), ("inside", inside)):
        print(f"requests from {where}: {requests.asked}, failed: {len(requests.failed)}")
        assert requests.failed == [] and requests.asked > 500, (where, requests.asked, requests.failed[:5])
    assert ended_once(lab)
    again = lab.play("upgrade", "-e", f"upgrade_to={NEW}").expect()
    assert not again.changed() and "every member has it already" in again.output
    assert not lab.play("install").expect().changed()


def test_a_host_node_that_is_not_well_is_put_back_and_a_run_that_is_killed_is_gone_on_with(old: Lab) -> None:
    """Managers are upgraded by then; the node takes work with its old version, the others were left alone."""
    lab = old
    cut = lab.play("upgrade", cut="Restart the manager with the new version")
    assert cut.cut and sorted(nomad.versions(lab).values()).count(NEW) == 1
    refused = lab.play("upgrade", *WAIT, variables={"host_node_nomad_config": WRONG}).expect(2)
    assert "The old one is back and runs" in refused.words(), refused.output[-3000:]
    mixed = {host.name: OLD if host.pool else NEW for host in lab.hosts}
    wait("the nodes as they were", lambda: nomad.versions(lab) == mixed and assert_whole(lab) is None, 60)
    lab.play("upgrade", *WAIT, cut="Write the new files and restart")
    drained = [n["Name"] for n in nomad.ask(lab, "/v1/nodes") if n["SchedulingEligibility"] != "eligible"]
    assert len(drained) == 1, drained
    lab.play("upgrade", *WAIT).expect()
    wait("the new version", lambda: at(lab, NEW), 60)
    assert not lab.play("upgrade").expect().changed()
