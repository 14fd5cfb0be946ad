# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members are told by name, address and the engine's own id; how many of them a run may remove."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import faults
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.orphans import first, orphans
from preflight_world import cluster, with_facts, with_host

JOINED = [{"component": "nomad", "name": "product", "evidence": "/etc/nomad.d/agent.json"}]


def member(name: str, address: str, part: str = "node", status: str = "ready", **more: Any) -> dict[str, Any]:
    return {"name": name, "address": address, "part": part, "id": f"id-{name}-{address}", "status": status, **more}


MANAGERS = [member(f"m{number}", f"10.0.0.1{number}", "manager", "alive") for number in (1, 2, 3)]


def known(*members: dict[str, Any], told: bool = True, **variables: Any) -> Cluster:
    """The fit cluster whose first manager lists its three managers and these; `told` to remove orphans."""
    told_to = {"cluster_remove_orphans": told, **variables}
    with_members = with_facts(cluster(), "m1", members=[*MANAGERS, *members], clusters=JOINED)
    return replace(with_members, hosts=tuple(replace(host, variables=told_to) for host in with_members.hosts))


def found(kind: str, seen: Cluster) -> list[tuple[str, str, str]]:
    return [(f.host, f.level, f"{f.text} | {f.remedy}") for f in faults.judge(seen) if f.kind == kind]


def test_a_name_of_the_inventory_is_never_an_orphan() -> None:
    assert orphans(known(member("w1", "10.0.0.99"))) == []


def test_one_address_in_two_spellings_is_one() -> None:
    seen = with_host(known(member("other-name", "fd00::1")), "w1", address="fd00:0:0::0001")
    assert orphans(seen) == []
    assert orphans(with_host(known(member("other-name", "::ffff:10.0.0.21")), "w1", address="10.0.0.21")) == []


def test_a_dead_member_at_an_address_that_another_host_has_by_now_is_an_orphan() -> None:
    assert [entry["name"] for entry in orphans(known(member("old", "10.0.0.21", status="down")))] == ["old"]


@pytest.mark.parametrize(
    ("told", "clusters", "level", "words"),
    [
        (False, [], "error", "add -e cluster_remove_orphans=true to install"),
        (True, [], "warning", "install forgets the member at 10.0.0.99"),
        (True, JOINED, "error", "set cluster_address back to 10.0.0.99"),
    ],
)
def test_a_member_at_another_address(told: bool, clusters: list[Any], level: str, words: str) -> None:
    seen = with_facts(known(member("w1", "10.0.0.99"), told=told), "w1", clusters=clusters)
    ((where, how, text),) = found("address changed", seen)
    assert (where, how) == ("w1", level)
    assert "made at 10.0.0.99, the inventory says 10.0.0.21" in text and words in text
    assert [entry["address"] for entry in first(seen)] == ([] if clusters else ["10.0.0.99"])


def test_a_host_that_joined_at_its_new_address_is_at_rest() -> None:
    assert found("address changed", known(member("w1", "10.0.0.99", status="down"), member("w1", "10.0.0.21"))) == []


def test_a_manager_replaced_under_its_name_is_forgotten_first() -> None:
    seen = with_host(known(), "m3", address="10.0.0.33")
    assert [(entry["name"], entry["address"]) for entry in first(seen)] == [("m3", "10.0.0.13")]


def test_only_dead_managers_are_removed_before_hosts_join() -> None:
    seen = known(member("m4", "10.0.0.14", "manager", "failed"), member("m5", "10.0.0.15", "manager", "alive"))
    assert [entry["name"] for entry in first(seen)] == ["m4"]


@pytest.mark.parametrize(
    ("orphans_there", "variables", "error"),
    [
        (1, {}, ""),
        (2, {}, "2 nodes are to be removed (old-0, old-1), and one run removes 1 at most"),
        (2, {"cluster_remove_max": 2}, ""),
        (2, {"cluster_remove_max": "50%"}, ""),
        (1, {"cluster_remove_max": "a few"}, "neither a number"),
    ],
)
def test_one_run_removes_few(orphans_there: int, variables: dict[str, Any], error: str) -> None:
    nodes = [member("w1", "10.0.0.21"), member("w2", "10.0.0.22")]
    seen = known(
        *nodes, *(member(f"old-{number}", f"10.0.0.9{number}") for number in range(orphans_there)), **variables
    )
    errors = [text for _where, level, text in found("removal", seen) if level == "error"]
    assert bool(errors) == bool(error) and error in "".join(errors)
    assert error == "" or "cluster_remove_max" in errors[0]


def test_nothing_is_counted_where_nothing_is_removed() -> None:
    assert not found("removal", known(*(member(f"old-{n}", f"10.0.0.9{n}") for n in range(9)), told=False))


def test_managers_go_one_a_run() -> None:
    seen = known(*(member(f"m{n}", f"10.0.0.1{n}", "manager", "failed") for n in (4, 5)))
    assert "2 managers are to be removed (m4, m5), and one run removes 1 at most" in found("removal", seen)[0][2]


def test_the_quorum_after_a_removal_is_told_first() -> None:
    ((_where, level, text),) = found("removal", known(member("m4", "10.0.0.14", "manager", "failed")))
    assert level == "warning"
    assert "after the removal of m4, 3 managers are left, 3 of them healthy; the quorum is 2" in text


def test_a_removal_that_leaves_no_quorum_is_refused() -> None:
    dead = [{**entry, "status": "failed"} if entry["name"] != "m1" else entry for entry in MANAGERS]
    seen = known()
    seen = with_facts(seen, "m1", members=[*dead, member("m4", "10.0.0.14", "manager", "failed")])
    assert any(
        "of the 3 managers left 1 would be healthy" in text
        for _w, level, text in found("removal", seen)
        if level == "error"
    )
