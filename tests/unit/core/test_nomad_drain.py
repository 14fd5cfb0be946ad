# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host nodes are drained for a purpose, and only drains of that purpose end with it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import drain
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.members import members
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.nodes import Drains
from fake_nomad import TOKEN, A, B, C, FakeNomad


def act(fake: FakeNomad, state: str, purpose: str = "maintenance", check: bool = False, **more: Any) -> list[str]:
    nodes = [{"name": "w1", "address": "10.0.1.1"}, {"name": "w2", "address": "10.0.1.2"}]
    given = {"nodes": nodes, "purpose": purpose, "state": state, "deadline": 1, "timeout": 0, **more}
    return drain.perform(Drains(fake.api(TOKEN)), given, check)


@pytest.fixture
def fake(ruled: FakeNomad) -> FakeNomad:
    ruled.set_servers(f"{A}*", B, C)
    for name, address in (("w1", "10.0.1.1"), ("w2", "10.0.1.2")):
        ruled.add_node(name, address, Version="1.10.5")
    return ruled


def test_there_and_back(fake: FakeNomad) -> None:
    assert act(fake, "drained", check=True) == ["w1", "w2"] and fake.nodes[0]["SchedulingEligibility"] == "eligible"
    assert act(fake, "drained") == ["w1", "w2"]
    assert act(fake, "drained") == []
    told = {entry["name"]: (entry["version"], entry["mark"]) for entry in members(fake.api(TOKEN))}
    assert told["w1"] == ("1.10.5", "maintenance") and told["m1"] == ("1.11.3", "")
    assert act(fake, "ready", purpose="upgrade") == []
    assert act(fake, "ready") == ["w1", "w2"] and fake.nodes[1]["SchedulingEligibility"] == "eligible"
    assert act(fake, "ready") == []


def test_a_drain_of_somebody_else_stays_theirs(fake: FakeNomad) -> None:
    fake.nodes[0].update(SchedulingEligibility="ineligible", LastDrain=None)
    assert act(fake, "drained", purpose="upgrade") == ["w2"]
    assert act(fake, "ready", purpose="upgrade") == ["w2"]
    assert fake.nodes[0]["SchedulingEligibility"] == "ineligible"


def test_what_blocks_is_named(fake: FakeNomad) -> None:
    fake.slow = {"id-w2"}
    jobs = [("shop", "service", "running"), ("logs", "system", "running"), ("done", "batch", "complete")]
    fake.allocations["id-w2"] = [{"JobID": n, "Job": {"Type": t}, "ClientStatus": s} for n, t, s in jobs]
    with pytest.raises(drain.DrainError, match="Not drained after 1 s: on w2 still run shop. See to that"):
        act(fake, "drained")


@pytest.mark.parametrize("deadline", [0, -1])
def test_a_deadline_that_is_none(fake: FakeNomad, deadline: int) -> None:
    """To Nomad 0 is without end, and less is at once."""
    with pytest.raises(drain.DrainError, match=f"deadline: {deadline} is not a number of seconds"):
        act(fake, "drained", deadline=deadline)
    assert fake.nodes[0]["SchedulingEligibility"] == "eligible"


def test_an_unknown_host(fake: FakeNomad) -> None:
    fake.nodes.pop()
    with pytest.raises(drain.DrainError, match=r"knows no host node w2 \(10.0.1.2\)"):
        act(fake, "drained")
