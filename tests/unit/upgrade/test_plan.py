# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom an upgrade changes, in which order, and what it refuses before anything is changed."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils import steps
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.plan import Host, Plan, PlanError, lags, plan

OLD, NEW = "1.10.5", "1.11.3"
TARGETS = {"manager": {"nomad": NEW}, "node": {"nomad": NEW, "pause": "3.10"}}


def manager(name: str, version: str = OLD, **more: Any) -> Host:
    return Host(name, "manager", "", {"nomad": version}, version, **{"status": "alive", **more})


def node(name: str, pool: str = "web", version: str = OLD, **more: Any) -> Host:
    return Host(name, "node", pool, {"nomad": version}, version, **{"status": "ready", **more})


CLUSTER = [
    manager("m1", leader=True),
    manager("m2"),
    manager("m3"),
    node("w1"),
    node("w2"),
    node("w3"),
    node("w4"),
    node("b1", "batch"),
    node("b2", "batch"),
]


def made(hosts: list[Host], **more: Any) -> Plan:
    return plan(hosts, TARGETS, NEW, functools.partial(steps.refuse, minors=2), **more)


def changed(name: str, **more: Any) -> list[Host]:
    return [dataclasses.replace(host, **more) if host.name == name else host for host in CLUSTER]


def test_the_leader_last_then_pool_by_pool() -> None:
    found = made(CLUSTER, max_unavailable="50%")
    assert found.managers == ("m2", "m3", "m1")
    assert found.batches == (("w1",), ("w2", "w3"), ("w4",), ("b1",), ("b2",))
    assert found.lines[0] == "1 of 8: m2: nomad 1.10.5 -> 1.11.3"
    steps = found.as_data()["steps"]
    assert steps["m2"] == found.lines[0] and steps["w3"].startswith("5 of 8: w3: ") and list(steps) == found.hosts


def test_nothing_is_left_to_do_when_all_have_it() -> None:
    found = made([dataclasses.replace(host, version=NEW, held={"nomad": NEW}) for host in CLUSTER])
    assert found.hosts == [] and found.lines == ()


def test_a_run_that_was_cut_off_is_gone_on_with() -> None:
    done = [dataclasses.replace(h, version=NEW, held={"nomad": NEW}) for h in CLUSTER]
    switched = dataclasses.replace(done[1], version=OLD)  # its link leads to the new version, its agent is the old one
    drained = dataclasses.replace(done[3], mark="upgrade")
    found = made([done[0], switched, done[2], drained, *done[4:]])
    assert found.hosts == ["m2", "w1"]
    assert "runs 1.10.5 still" in found.lines[0] and "interrupted" in found.lines[1]
    assert lags(dataclasses.replace(done[3], mark="maintenance"), TARGETS["node"], NEW) == []


def test_the_pool_before_the_pause_is_first_and_the_others_wait() -> None:
    found = made(CLUSTER, pause_after="batch")
    assert found.batches == (("b1",), ("b2",))
    assert found.lines[-1] == "after a pause, with the next run: w1, w2, w3, w4"
    assert found.later == ("w1", "w2", "w3", "w4") and not set(found.later) & set(found.hosts)
    after = made(
        [dataclasses.replace(h, version=NEW, held={"nomad": NEW}) if h.pool != "web" else h for h in CLUSTER],
        pause_after="batch",
    )
    assert after.nodes == ["w1", "w2", "w3", "w4"]


def test_new_servers_come_a_batch_a_run() -> None:
    found = made(CLUSTER, max_unavailable="50%").with_new_servers()
    assert found.replaced == ("w1",) and found.nodes == [] and found.managers == ("m2", "m3", "m1")
    assert found.lines[3:] == ("new servers for w1", "with the next runs: w2, w3, w4, b1, b2")
    done = made([dataclasses.replace(host, version=NEW, held={"nomad": NEW}) for host in CLUSTER])
    assert done.with_new_servers() == done


def test_a_dead_host_node_waits_for_the_next_run() -> None:
    found = made(changed("w2", status="down"))
    assert "w2" not in found.hosts and "w2 is down" in found.warnings[0]


def test_limit() -> None:
    some = [dataclasses.replace(h, run=h.name in ("m1", "m2", "m3", "w1"), held=h.held) for h in CLUSTER]
    assert made(some).hosts == ["m2", "m3", "m1", "w1"]


@pytest.mark.parametrize(
    ("hosts", "more", "message"),
    [
        (CLUSTER, {"max_unavailable": 0}, "upgrade_max_unavailable: 0 is neither"),
        (CLUSTER, {"max_unavailable": "0%"}, "upgrade_max_unavailable: '0%' is neither"),
        (CLUSTER, {"pause_after": "wbe"}, "there is no pool 'wbe'; there are web, batch"),
        (changed("m2", status="failed"), {}, "m2 (failed) is not; repair or remove it first"),
        (
            changed("w1", version="1.12.0"),
            {},
            "w1: 1.11.3 is older than 1.12.0, which is at work; an upgrade never goes back",
        ),
        (changed("m1", version="1.7.1"), {}, "skips what must lie between: upgrade to 1.9 first"),
        (
            changed("w1", held={"nomad": OLD, "pause": "3.11"}),
            {},
            "w1 has pause 3.11, and this upgrade brings 3.10: an upgrade never goes back",
        ),
        (
            changed("m2", held={"nomad": "1.12.0"}),
            {},
            "m2 has nomad 1.12.0, and this upgrade brings 1.11.3: an upgrade never goes back",
        ),
        ([dataclasses.replace(h, version="") for h in CLUSTER], {}, "no manager tells what members the cluster has"),
        (changed("m3", run=False), {}, "host nodes follow the managers, and m3 is left out by --limit"),
    ],
)
def test_refusals(hosts: list[Host], more: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as refused:
        made(hosts, **more)
    assert message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "minors", "said"),
    [
        ("1.35.4", "1.36.3", 1, ""),
        ("1.36.1", "1.36.3", 1, ""),
        ("1.34.4", "1.36.3", 1, "upgrade to 1.35 first"),
        ("1.33.0", "1.36.3", 1, "upgrade to 1.34, then 1.35 first"),
        ("1.36.3", "1.35.4", 1, "older"),
        ("1.36.3", "1.36.3", 1, ""),
        ("1.10.5", "2.0.0", 2, "major"),
        ("1.36.3", "1.36.2", 1, "older"),
        ("1.36.3-rc.1", "1.36.3", 1, ""),
        ("1.36.3", "1.36.3-rc.1", 1, "older"),
        ("1.36.3-rc.2", "1.36.3-rc.1", 1, "older"),
        ("1.36.3-alpha.9", "1.36.3-beta.1", 1, ""),
        ("1.11.3+ent", "1.11.3", 1, ""),
    ],
)
def test_steps(before: str, after: str, minors: int, said: str) -> None:
    found = steps.refuse(before, after, minors)
    assert said in found and bool(found) == bool(said)
