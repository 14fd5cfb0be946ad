# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which manager is stopped when, and which module does it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.action.manager_outage import ActionModule


def action(host: str, engine: str = "kubernetes", managers: int = 3, **results: Any) -> ActionModule:
    """The action on one host of a cluster of managers m1, m2, … and a node."""
    names = [f"m{number + 1}" for number in range(managers)]
    hostvars = {
        name: {"cluster_name": "product", "cluster_part": "node" if name == "n1" else "manager", "verify_host": {}}
        for name in [*names, "n1"]
    }
    for name, result in results.items():
        hostvars[name]["verify_host"] = result
    found = ActionModule.__new__(ActionModule)
    found.host = host
    found.vars = {
        "hostvars": hostvars,
        "ansible_play_hosts_all": list(hostvars),
        "cluster_engine": engine,
        "cluster_address": "10.0.0.1",
        **hostvars[host],
    }
    return found


@pytest.mark.parametrize(
    ("found", "due"),
    [
        (action("m1"), True),
        (action("m3"), True),
        (action("n1"), False),
        (action("m1", managers=2), False),
        (action("m1", m2={"unreachable": True}), False),
        (action("m1", engine="nomad"), False),
    ],
)
def test_a_manager_is_stopped_only_where_enough_others_answer(found: ActionModule, due: bool) -> None:
    assert found.acts() is due


def test_the_engine_says_how() -> None:
    assert action("m1").modules() == ["keelson.cluster.kubernetes_manager_outage"]
    given = action("m1").parameters()
    assert given.pop("scope")["stopped"] == ["keepalived.service"]
    assert given == {"cluster": "product", "address": "10.0.0.1"}
