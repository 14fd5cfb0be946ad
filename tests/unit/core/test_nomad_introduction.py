# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is introduced to Nomad's managers, and how often the agent must start for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import introduction, joining_host
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import ApiError


class FakeApi:
    """The two paths of the API that matter here."""

    def __init__(self, *nodes: tuple[str, str, str], gone: str = "") -> None:
        self.nodes = [
            {"ID": name, "Name": name, "Address": address, "Status": status} for name, address, status in nodes
        ]
        self.gone = gone
        self.asked: list[dict[str, Any]] = []

    def get(self, path: str) -> Any:
        if path == f"/v1/client/stats?node_id={self.gone}":
            raise ApiError(404, "No path to node")
        assert path == "/v1/nodes" or path.startswith("/v1/client/stats?")
        return self.nodes

    def post(self, path: str, body: dict[str, Any]) -> Any:
        assert path == "/v1/acl/identity/client-introduction-token"
        self.asked.append(body)
        return {"JWT": "signed"}


def test_who_is_live_is_known() -> None:
    states = [
        ("a", "10.0.0.1", "ready"),
        ("b", "10.0.0.2", "down"),
        ("c", "10.0.0.9", "ready"),
        ("e", "10.0.0.5", "ready"),
    ]
    api: Any = FakeApi(*states, gone="e")
    nodes = [{"name": name, "address": f"10.0.0.{n}", "pool": "web"} for n, name in enumerate("abcde", 1)]
    # b was away; c is another server; d has never been there; e was made anew, and managers have not missed the old one yet.
    assert [node["name"] for node in introduction.unknown(api, nodes)] == ["b", "c", "d", "e"]
    assert introduction.issue(api, "b", "web") == "signed"
    assert api.asked == [{"NodeName": "b", "NodePool": "web", "TTL": 1_800_000_000_000}]
    [folder, file] = introduction.files("signed")
    assert folder["path"] == introduction.STATE and (file["content"], file["mode"]) == ("signed", "0600")


@pytest.mark.parametrize("unread", [True, False])
def test_an_agent_that_ran_before_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unread: bool) -> None:
    steps: list[str] = []
    monkeypatch.setattr(service_units, "carry_out", lambda unit, step: steps.append(f"{step} {unit.name}"))
    if unread:
        (tmp_path / "intro_token.jwt").write_text("signed")
    joining_host.join({}, "", str(tmp_path / "intro_token.jwt"))
    assert steps == (["restart nomad.service"] if unread else [])


def test_an_agent_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "intro_token.jwt").write_text("signed")
    monkeypatch.setattr(service_units, "carry_out", lambda _unit, step: f"systemctl {step} nomad.service failed")
    with pytest.raises(OSError, match=r"systemctl restart nomad.service failed"):
        joining_host.join({}, "", str(tmp_path / "intro_token.jwt"))


def test_a_unit_that_is_to_stop() -> None:
    unit = service_units.Unit("nomad.service", "stopped", ["/etc/nomad.d/agent.json"])
    running = service_units.State(active=True, enabled=True, needs_daemon_reload=True, stale=True, reloadable=False)
    assert service_units.plan(unit, running) == ["stop"]
    assert service_units.plan(unit, service_units.State(False, True, True, False, False)) == []
