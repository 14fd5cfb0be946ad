# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes a cluster, who joins: a live one is asked before anything is made."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.kubernetes_plan import kubernetes_host_states, kubernetes_plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.kubernetes.plan import Plan, PlanError, plan

ALL = ["m1", "m2", "m3"]
DEAD = "10.0.0.1:6443 does not answer"


def said(state: str, fault: str = "", step: str = "") -> dict[str, Any]:
    return {"state": state, "fault": fault, "step": step}


@pytest.mark.parametrize(
    ("found", "run", "desired"),
    [
        ({name: said("absent") for name in ALL}, ALL, Plan("m1", True, ("m2", "m3"))),
        ({name: said("joined") for name in ALL}, ALL, Plan("m1", False, ())),
        # The first manager is dead for good, or merely down; a new one takes its place.
        (
            {"m2": said("joined"), "m3": said("joined"), "m4": said("absent")},
            ["m2", "m3", "m4"],
            Plan("m2", False, ("m4",)),
        ),
        ({"m1": said("joined", DEAD), "m2": said("joined"), "m3": said("absent")}, ALL, Plan("m2", False, ("m3",))),
        # --limit m3: the others are asked, and left alone.
        ({"m1": said("joined"), "m2": said("absent"), "m3": said("absent")}, ["m3"], Plan("m1", False, ("m3",))),
        # Cut off: within init, which goes on where it was begun; within a join.
        (
            {"m1": said("absent"), "m2": said("incomplete", DEAD, "init"), "m3": said("absent")},
            ALL,
            Plan("m2", True, ("m1", "m3")),
        ),
        (
            {"m1": said("joined"), "m2": said("incomplete", "", "join"), "m3": said("absent")},
            ALL,
            Plan("m1", False, ("m2", "m3")),
        ),
        # One has the backup's data: it is the cluster, though another of before is off, or does not serve any more.
        ({"m1": said("absent"), "m2": said("incomplete", DEAD, "restore")}, ["m1", "m2"], Plan("m2", True, ("m1",))),
        (
            {"m1": said("joined", DEAD), "m2": said("incomplete", DEAD, "restore"), "m3": said("absent")},
            ["m2", "m3"],
            Plan("m2", True, ("m3",)),
        ),
    ],
)
def test_the_plan(found: dict[str, Any], run: list[str], desired: Plan) -> None:
    assert plan(found, ALL, run) == desired


@pytest.mark.parametrize(
    ("found", "run", "message"),
    [
        ({"m2": said("absent"), "m3": said("absent")}, ALL, "m1 cannot be asked"),
        ({name: said("absent") for name in ALL}, ["m2", "m3"], "m1 cannot be asked or changed"),
        (
            {"m1": said("joined", DEAD), "m2": said("absent"), "m3": said("absent")},
            ALL,
            "none of them serves: m1: 10.0.0.1",
        ),
        (
            {"m1": said("incomplete", DEAD, "join"), "m2": said("absent"), "m3": said("absent")},
            ALL,
            "nothing was made anew",
        ),
        (
            {"m1": said("joined"), "m2": said("incomplete", DEAD, "restore"), "m3": said("absent")},
            ["m2", "m3"],
            "m2 has the state of the backup, and m1 serves the cluster of before",
        ),
    ],
)
def test_no_second_cluster_is_made(found: dict[str, Any], run: list[str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan(found, ALL, run)


def test_what_hosts_said_is_gathered() -> None:
    others = [{"item": "m4", **said("absent")}, {"item": "m5", "unreachable": True}]
    passed_over = [{"item": "m4", "skipped": True}, {"item": "m5", "skipped": True}]
    hostvars: dict[str, Any] = {
        "m1": {"host_node_state": said("joined"), "states": {"results": others}},
        "m2": {"host_node_state": {"unreachable": True}, "states": {"results": passed_over}},
        "m3": {"states": {"skipped": True}},
    }
    assert kubernetes_host_states(ALL, hostvars, "states") == {
        "m1": said("joined"),
        "m4": {"item": "m4", **said("absent")},
    }
    assert kubernetes_plan({"m1": said("absent")}, ["m1"], ["m1"]) == {"acting_manager": "m1", "init": True, "join": []}
    with pytest.raises(AnsibleFilterError, match="m2, m3 cannot be asked"):
        kubernetes_plan({"m1": said("absent")}, ALL, ["m1"])
