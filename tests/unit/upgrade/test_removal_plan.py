# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A removal by name finds members that live and that are dead, and refuses what would cost the quorum."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jinja2.nativetypes
import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.removal import Removal, RemovalError, plan

sys.path.append(str(Path(__file__).parents[1] / "preflight"))
from preflight_world import cluster, with_facts, with_host

ROOT = Path(__file__).parents[3]
OURS = [{"name": "product", "component": "nomad", "evidence": "/etc/nomad.d/agent.json"}]


def member(name: str, number: int, part: str, status: str) -> dict[str, Any]:
    return {"name": name, "address": f"10.0.0.{number}", "part": part, "id": f"id-{name}", "status": status}


def world(**status: str) -> Cluster:
    """Three managers and two host nodes that are members, and `gone`, which no inventory has."""
    members = [member(f"m{n}", 10 + n, "manager", status.get(f"m{n}", "alive")) for n in (1, 2, 3)]
    members += [member(f"w{n}", 20 + n, "node", status.get(f"w{n}", "ready")) for n in (1, 2)]
    found = with_facts(cluster(), "m1", members=[*members, member("gone", 99, "node", "down")])
    for name in ("m1", "m2", "m3", "w1", "w2"):
        found = with_facts(found, name, clusters=OURS)
        if status.get(name) in ("failed", "down"):
            found = with_host(found, name, facts=None, failure="no route", unreachable=True)
    return found


def names(found: Removal) -> list[str]:
    return [entry["name"] for entry in found.members]


def test_a_host_node_that_lives_is_emptied_first() -> None:
    found = plan(world(), ["w1"])
    assert names(found) == ["w1"] and found.live == ["w1"] and found.acting_manager == "m1"
    assert found.warnings == ["the inventory still has w1: take it out, or the next install makes it a member again"]


def test_dead_ones_and_those_of_no_inventory() -> None:
    found = plan(world(w2="down"), ["w2", "gone"])
    assert names(found) == ["w2", "gone"] and found.live == []
    both = plan(world(w2="down"), ["w1", "w2"])
    assert [entry["name"] for entry in both.dead] == ["w2"] and [entry["name"] for entry in both.drain] == ["w1"]


@pytest.mark.parametrize(("check", "going"), [(True, ["w2"]), (False, ["w1", "w2"])])
def test_whom_a_prediction_tries_to_forget(check: bool, going: list[str]) -> None:
    """The members that are dead, so that it is refused as the run would be; those that live are emptied before."""
    plays = yaml.safe_load((ROOT / "playbooks/plays/remove.yml").read_text())
    (last,) = (play for play in plays if play["name"] == "Forget the members")
    found = plan(world(w2="down"), ["w1", "w2"])
    known = {"__remove": {"members": found.members, "dead": found.dead}, "ansible_check_mode": check}
    template = jinja2.nativetypes.NativeEnvironment(autoescape=True).from_string(last["vars"]["__going"])
    assert [entry["name"] for entry in template.render(known)] == going
    (task,) = last["tasks"]
    assert task["when"] == "__going | length > 0" and task["vars"]["cluster_manager_remove"] == "{{ __going }}"


def test_a_dead_manager_of_three() -> None:
    assert names(plan(world(m3="failed"), ["m3"])) == ["m3"]


@pytest.mark.parametrize(
    ("status", "given", "message"),
    [
        ({}, ["w9"], "there is no w9; the cluster product has gone, m1, m2, m3, w1, w2"),
        ({}, [], "remove_hosts: it is empty"),
        ({"m3": "failed"}, ["m2"], "m2 cannot be removed: of the 2 managers left 1 would be healthy"),
        ({}, ["m1", "m2", "m3"], "m1, m2, m3 cannot be removed: of the 0 managers left"),
    ],
)
def test_refusals(status: dict[str, str], given: list[str], message: str) -> None:
    with pytest.raises(RemovalError) as refused:
        plan(world(**status), given)
    assert message in str(refused.value)


def test_without_a_manager_that_answers() -> None:
    with pytest.raises(RemovalError, match="no manager tells what members"):
        plan(cluster(), ["w1"])
