# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phases a rotation has still to go through, and the cluster's secrets after each."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.keelson.cluster.plugins.action.rotate_plan import ActionModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import accepted
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, rotation
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import Rotated
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster, Host

FRESH = {"ca_certificate": "CA 1", "ca_key": "KEY 1", "gossip_key": "G"}
ROTATED = {
    "ca": Rotated(("ca_certificate", "ca_key"), lambda _name, n: {"ca_certificate": f"CA {n}", "ca_key": f"KEY {n}"}),
    "word": Rotated(("word",), lambda name, n: {"word": f"{name} {n}"}),
}
WHO = rotation.Hosts(("m1", "m2"), ("w1",))


def after(payload: dict[str, Any], phase: str, **asked: int) -> dict[str, Any]:
    return rotation.after(payload, phase, asked, ROTATED, "c1", {})


def test_each_phase_accepts_what_the_one_before_and_the_one_after_use() -> None:
    prepared = after(FRESH, "prepare", ca=2)
    used = after(prepared, "use", ca=2)
    finished = after(used, "finish", ca=2)
    assert [accepted(p, "ca_certificate") for p in (FRESH, prepared, used, finished)] == [
        ["CA 1"], ["CA 1", "CA 2"], ["CA 2", "CA 1"], ["CA 2"],
    ]  # fmt: skip
    assert used["ca_key"] == "KEY 2" and "KEY 1" not in str(finished) and finished["gossip_key"] == "G"
    assert accepted(prepared, "gossip_key") == ["G"] and accepted({}, "ca_certificate") == []


@pytest.mark.parametrize("phase", rotation.PHASES)
def test_a_phase_that_is_over_changes_nothing(phase: str) -> None:
    payload = FRESH
    for step in rotation.PHASES[: rotation.PHASES.index(phase) + 1]:
        payload = after(payload, step, ca=2)
    for step in rotation.PHASES[: rotation.PHASES.index(phase) + 1]:
        assert after(payload, step, ca=2) == payload
    assert after(FRESH, "use", ca=2) == FRESH == after(FRESH, "finish", ca=2), "no phase is left out"


def test_what_was_made_elsewhere_is_taken() -> None:
    found = rotation.after(FRESH, "prepare", {"word": 2}, ROTATED, "c1", {"word": {"word": "told"}})
    assert found["rotations"]["word"]["other"] == {"word": "told"}


@pytest.mark.parametrize(
    ("steps", "phases"),
    [
        ([], ["prepare", "use", "finish"]),
        (["prepare"], ["prepare", "use", "finish"]),
        (["prepare", "use"], ["use", "finish"]),
        (["prepare", "use", "finish"], ["finish"]),
    ],
)
def test_a_rotation_goes_on_where_it_was(steps: list[str], phases: list[str]) -> None:
    payload = FRESH
    for step in steps:
        payload = after(payload, step, ca=2)
    plan = rotation.plan(payload, {"ca": 2}, ROTATED, WHO)
    assert list(plan.phases) == phases and plan.changes is (len(phases) > 1)
    assert plan.hosts == ("m1", "m2", "w1")
    assert len(plan.lines) == len(phases) and "ca number 2 alone is accepted" in plan.lines[-1]


@pytest.mark.parametrize(
    ("steps", "until", "phases", "changes"),
    [
        ([], "prepare", ["prepare"], True),
        (["prepare"], "prepare", ["prepare"], False),
        (["prepare"], "use", ["prepare", "use"], True),
        (["prepare", "use"], "prepare", [], False),
    ],
)
def test_a_run_ends_after_a_phase(steps: list[str], until: str, phases: list[str], changes: bool) -> None:
    payload = FRESH
    for step in steps:
        payload = after(payload, step, ca=2)
    plan = rotation.plan(payload, {"ca": 2}, ROTATED, WHO, until)
    assert (list(plan.phases), plan.changes) == (phases, changes)
    assert plan.done.startswith("rotated to" if changes else "at ") and f"until phase {until}" in plan.done
    with pytest.raises(rotation.RotationError, match="rotate_until: 'used' is no phase; use prepare, use, finish"):
        rotation.plan(payload, {"ca": 2}, ROTATED, WHO, "used")


def test_several_go_through_their_phases_together() -> None:
    used = after(after(FRESH, "prepare", ca=2), "use", ca=2)
    plan = rotation.plan({**used, "word": "x"}, {"ca": 2, "word": 2}, ROTATED, WHO)
    assert plan.phases == rotation.PHASES
    assert "ca" not in plan.lines[0] and "ca number 2 is used, word number 2 is used" in plan.lines[1]
    assert plan.done == "rotated to ca number 2, word number 2"


@pytest.mark.parametrize(
    ("steps", "number", "message"),
    [
        ([], 3, "rotate_ca: the cluster has number 1; 2 asks for the next, 1 changes nothing, and 3 is neither"),
        (["prepare", "use", "finish"], 1, "rotate_ca: the cluster has number 2; 3 asks for the next"),
        (
            ["prepare"],
            3,
            "rotate_ca: the rotation to number 2 is under way, in phase prepare; finish it first with -e rotate_ca=2",
        ),
        (["prepare", "use"], 1, "rotate_ca: the rotation to number 2 is under way, in phase use"),
    ],
)
def test_a_number_that_is_refused(steps: list[str], number: int, message: str) -> None:
    payload = FRESH
    for step in steps:
        payload = after(payload, step, ca=2)
    with pytest.raises(rotation.RotationError, match=re.escape(message)):
        rotation.plan(payload, {"ca": number}, ROTATED, WHO)


@pytest.mark.parametrize("value", ["two", "0", "-1", 0, True, "2.0", "²", [2]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(rotation.RotationError, match=re.escape(f"rotate_ca: {value!r} is no number, such as 2")):
        rotation.read_asked({"ca": value}, ROTATED, "nomad")


def test_what_an_engine_does_not_replace_is_refused() -> None:
    assert rotation.read_asked({"ca": "2", "word": "", "x": None}, ROTATED, "nomad") == {"ca": 2}
    with pytest.raises(
        rotation.RotationError, match="rotate_x: this release does not replace it .* nomad; it takes rotate_ca"
    ):
        rotation.read_asked({"x": 2}, ROTATED, "nomad")
    with pytest.raises(
        rotation.RotationError,
        match="in a cluster of engine kubernetes; it takes rotate_ca, rotate_etcd_ca, rotate_service_account_key, rotate_enc",
    ):
        rotation.read_asked({"gossip_key": 2}, components.engine("kubernetes").rotated, "kubernetes")


def host(name: str, part: str, **more: Any) -> Host:
    return Host(name, "c1", part, "10.0.0.1", "", **more)


def test_who_takes_part() -> None:
    found = (
        host("m1", "manager", facts={}),
        host("m2", "manager", failure="no route", unreachable=True),
        host("w1", "node", facts={}),
        host("w2", "node"),
    )
    who = rotation.hosts(Cluster("c1", components.engine("nomad"), {}, found))
    assert who == rotation.Hosts(("m1",), ("w1",), {"m2": "does not answer"}, {"w2": "is left out by --limit"})
    with pytest.raises(
        rotation.RotationError, match=r"must lie on every manager .* m2 does not answer; start or remove"
    ):
        rotation.plan(FRESH, {"ca": 2}, ROTATED, who)
    assert rotation.plan(FRESH, {"ca": 1}, ROTATED, who).phases == ("finish",), "no secret changes"
    plan = rotation.plan(FRESH, {"ca": 2}, ROTATED, rotation.Hosts(("m1",), (), {}, {"w2": "does not answer"}))
    assert plan.warnings == (
        "w2 does not answer and takes no part, so what was used before stays accepted until it has taken part",
    )


def test_without_a_number_every_certificate_is_replaced() -> None:
    plan = rotation.plan({}, {}, ROTATED, WHO)
    assert (plan.phases, plan.changes, plan.done) == (("renew",), False, "given other certificates")


def test_an_authority_has_its_number_in_its_name() -> None:
    made = components.engine("nomad").rotated["ca"].make("c1", 2)
    assert set(made) == {"ca_certificate", "ca_key"} and "BEGIN CERTIFICATE" in made["ca_certificate"]


def planned(payload: dict[str, Any], check: bool = False, engine: str = "nomad", **numbers: Any) -> dict[str, Any]:
    """What the action answers for a cluster of one manager that holds these secrets, and a host node."""
    facts = {"keelson": {"clusters": []}}
    shared = {"cluster_name": "c1", "cluster_engine": engine, "ansible_facts": facts, "facts": {"ansible_facts": facts}}
    hostvars = {"m1": {**shared, "cluster_part": "manager"}, "w1": {**shared, "cluster_part": "node"}}
    held = {"generation": 1 if payload else 0, "digest": "d", "payload": payload, "broken": [], "latest": 1}
    manager = Manager("m1", lambda **_given: held)
    action = ActionModule(SimpleNamespace(check_mode=check, async_val=0), None, None, None, None, None)
    given = {"managers": ["m1"], "facts": "facts", "numbers": numbers, "last": "finish"}
    answer: dict[str, Any] = action.work(
        given, [manager], {"hostvars": hostvars, "ansible_play_hosts_all": list(hostvars)}
    )
    return answer


def test_the_plan_tells_no_secret_and_check_mode_goes_through_no_phase() -> None:
    secrets = components.engine("nomad").make_secrets("c1")
    answer = planned(secrets, ca="2", gossip_key="")
    assert (answer["phases"], answer["hosts"], answer["numbers"]) == (list(rotation.PHASES), ["m1", "w1"], {"ca": 2})
    assert not [value for value in secrets.values() if value in str(answer)]
    checked = planned(secrets, check=True, ca="2")
    assert checked["changed"] and checked["phases"] == [] and checked["plan"] == answer["plan"]
    same = planned(secrets, check=True, ca="1")
    assert not same["changed"] and same["phases"] == ["finish"], "what lags behind is foreseen by the tasks themselves"
    assert planned({})["phases"] == ["renew"]


@pytest.mark.parametrize(
    ("payload", "engine", "numbers", "message"),
    [
        ({}, "nomad", {"ca": 2}, "no manager that answers has secrets of the cluster; run the install playbook first"),
        (FRESH, "nomad", {"ca": "x"}, "rotate_ca: 'x' is no number"),
        ({"gossip_key": "G"}, "nomad", {"ca": 7}, "rotate_ca: the cluster has number 1"),
        (
            FRESH,
            "kubernetes",
            {"gossip_key": 2},
            "rotate_gossip_key: this release does not replace it in a cluster of engine kubernetes",
        ),
    ],
)
def test_a_plan_that_is_refused(payload: dict[str, Any], engine: str, numbers: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=rf"{re.escape(message)}.*\. Nothing was changed\.$"):
        planned(payload, engine=engine, **numbers)
