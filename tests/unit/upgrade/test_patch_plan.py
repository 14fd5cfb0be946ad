# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a run of updates and reboots takes, and what it says of each."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.patch import due, plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.plan import Host, Plan, PlanError

CLUSTER = [
    Host("m1", "manager", version="1", status="alive", leader=True),
    Host("m2", "manager", version="1", status="alive"),
    Host("m3", "manager", version="1", status="alive"),
    Host("w1", "node", "web", version="1", status="ready"),
    Host("w2", "node", "web", version="1", status="ready"),
    Host("b1", "node", "batch", version="1", status="ready"),
]
OLD = {"updates": ["curl 1 -> 2", "libc6 1 -> 2"], "reboot": [], "foreseen": ["libc6 1 -> 2 needs it"]}
FOUND = {host.name: OLD for host in CLUSTER}


def made(hosts: list[Host] = CLUSTER, found: Any = None, reboot: str = "needed", **more: Any) -> Plan:
    given = {"packages": "security", "max_unavailable": 1, **more}
    return plan(hosts, FOUND if found is None else found, reboot=reboot, **given)


def changed(name: str, **more: Any) -> list[Host]:
    return [Host(**{**vars(host), **more}) if host.name == name else host for host in CLUSTER]


def test_managers_first_the_leader_last_then_pool_by_pool() -> None:
    found = made(max_unavailable="100%")
    assert found.managers == ("m2", "m3", "m1") and found.batches == (("w1",), ("w2",), ("b1",))
    assert found.lines[0] == "1 of 6: m2: 2 packages (curl, libc6), reboot (libc6 1 -> 2 needs it)"


def test_up_to_date_hosts_are_left_alone() -> None:
    assert made(found={}).hosts == []
    assert made(found={"w2": OLD}).hosts == ["w2"]


@pytest.mark.parametrize(
    ("found", "reboot", "said"),
    [
        ({}, "needed", []),
        ({}, "always", ["reboot"]),
        ({"reboot": ["kernel 2 is installed, 1 runs"]}, "needed", ["reboot (kernel 2 is installed, 1 runs)"]),
        ({"reboot": ["kernel 2 is installed, 1 runs"]}, "never", []),
        ({"interrupted": True}, "never", ["an installation of packages that was interrupted"]),
        ({"updates": [f"p{n} 1 -> 2" for n in range(6)]}, "never", ["6 packages (p0, p1, p2, p3 and 2 more)"]),
        ({"updates": ["p 1 -> 2"]}, "never", ["1 package (p)"]),
    ],
)
def test_what_is_due(found: dict[str, Any], reboot: str, said: list[str]) -> None:
    assert due(CLUSTER[3], found, reboot) == said


def test_a_host_that_an_interrupted_run_has_drained_is_given_back() -> None:
    found = made(changed("w1", mark="patch"), found={})
    assert found.hosts == ["w1"] and "drained by a patch that was interrupted" in found.lines[0]
    assert made(changed("w1", mark="maintenance"), found={}).hosts == []


def test_a_dead_host_node_waits_for_the_next_run() -> None:
    found = made(changed("w2", status="unreachable"))
    assert "w2" not in found.hosts and "w2 is unreachable" in found.warnings[0]


def test_limit() -> None:
    found = made([Host(**{**vars(h), "run": h.name == "w1"}) for h in CLUSTER])
    assert found.hosts == ["w1"]


@pytest.mark.parametrize(
    ("hosts", "more", "message"),
    [
        (CLUSTER, {"max_unavailable": 0}, "patch_max_unavailable: 0 is neither a number"),
        (CLUSTER, {"packages": "some"}, "patch_packages: 'some' is none of security, all, none"),
        (CLUSTER, {"reboot": "sometimes"}, "patch_reboot: 'sometimes' is none of needed, always, never"),
        (CLUSTER, {"packages": "none", "reboot": "never"}, "so there is nothing to do; set one of them"),
        (changed("m2", status="failed"), {}, "managers are changed only while all are well, and m2 (failed) is not"),
        (
            [Host(**{**vars(h), "version": ""}) for h in CLUSTER],
            {},
            "so there is nothing to patch; see preflight above",
        ),
    ],
)
def test_refusals(hosts: list[Host], more: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as refused:
        made(hosts, **more)
    assert message in str(refused.value) and "\n" not in str(refused.value)
