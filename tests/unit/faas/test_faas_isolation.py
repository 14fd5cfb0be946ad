# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leak test of `verify`: what is found is judged by what is declared, and a search that finds nothing at all is no proof."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime import isolation
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import events, functions, gateway, probes
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import objects
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs

PLACES = {"global", "tmp", "process", "keyring"}


class Cluster:
    """Functions that keep what is planted, where somebody told to look finds it."""

    def __init__(self, *leaks: tuple[str, str], dead: str = "") -> None:
        self.leaks, self.dead, self.planted = set(leaks), dead, dict[str, str]()

    def __call__(self, path: str, tenant: str, order: Mapping[str, str]) -> tuple[int, Any]:
        """Answer a call; a leak is who planted, and who finds it."""
        if path == self.dead:
            return 403, "no function here"
        if order["do"] == "plant":
            self.planted[order["token"]] = path
            return (504, "time") if order["then"] == "hang" else (200, {})
        return 200, {"found": dict.fromkeys(PLACES, (self.planted[order["token"]], path) in self.leaks)}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits."""
    monkeypatch.setattr(isolation.time, "sleep", lambda _seconds: None)


def verdicts(folder: Path, cluster: Cluster, isolations: list[str] | None = None) -> dict[str, Any]:
    """What the checks of a manager with probes say, by isolation."""
    found = probes.probes("web", isolations or list(functions.rules.ISOLATIONS), "secret")
    declared = functions.read(found["tenants"], found["functions"])
    (folder / "functions.json").write_text(json.dumps(gateway.gateway(declared)))
    (folder / "gateway.json").write_text("{}")
    return {one["target"]: one for one in isolation.checks(str(folder), lambda _given: cluster)}


OWN = ("/keelson-probe-one/function",) * 2


def test_both_isolations_hold(tmp_path: Path) -> None:
    found = verdicts(tmp_path, Cluster(OWN))
    assert {name: one["passed"] for name, one in found.items()} == {"per_request": True, "per_function": True}
    shown = "same function: global, keyring, process, tmp; other function: nothing; other tenant: nothing"
    assert found["per_function"]["evidence"] == shown


@pytest.mark.parametrize(
    ("leaks", "failed"),
    [
        ([OWN, ("/keelson-probe-one/request",) * 2], "per_request"),
        ([OWN, ("/keelson-probe-one/request", "/keelson-probe-one/peer-request")], "per_request"),
        ([OWN, ("/keelson-probe-one/request", "/keelson-probe-two/request")], "per_request"),
        ([OWN, ("/keelson-probe-one/function", "/keelson-probe-one/peer-function")], "per_function"),
        ([OWN, ("/keelson-probe-one/function", "/keelson-probe-two/function")], "per_function"),
    ],
)
def test_a_leak_fails_its_isolation(tmp_path: Path, leaks: list[tuple[str, str]], failed: str) -> None:
    found = verdicts(tmp_path, Cluster(*leaks))
    assert [name for name, one in found.items() if not one["passed"]] == [failed]


def test_a_search_that_finds_nothing_anywhere_is_no_proof(tmp_path: Path) -> None:
    found = verdicts(tmp_path, Cluster())["per_function"]
    assert not found["passed"] and found["evidence"].endswith("so the search itself does not work")


def test_a_probe_that_does_not_answer_is_told(tmp_path: Path) -> None:
    found = verdicts(tmp_path, Cluster(OWN, dead="/keelson-probe-one/peer-function"))
    assert found["per_request"]["passed"] and not found["per_function"]["passed"]
    assert "/keelson-probe-one/peer-function answers 403" in found["per_function"]["evidence"]


def test_an_engine_without_per_request_is_asked_for_the_other_alone(tmp_path: Path) -> None:
    assert list(verdicts(tmp_path, Cluster(OWN), ["per_function"])) == ["per_function"]


def test_without_probes_nothing_is_called(tmp_path: Path) -> None:
    assert isolation.checks(str(tmp_path / "nowhere")) == []
    (tmp_path / "functions.json").write_text(
        json.dumps({"functions": [{"tenant": "shop", "isolation": "per_request"}]})
    )
    assert isolation.checks(str(tmp_path)) == []
    assert probes.probes("", ["per_request"], "secret") == {"tenants": [], "functions": []}


@pytest.mark.parametrize(
    ("isolations", "refused"),
    [(["per_request", "per_function"], jobs.refused), (["per_function"], objects.refused)],
)
def test_probes_run_on_each_engine_and_their_tokens_are_the_gateways(isolations: list[str], refused: Any) -> None:
    found = probes.probes("web", isolations, "secret")
    declared = functions.read(found["tenants"], found["functions"], refused)
    assert len(declared.functions) == 3 * len(isolations)
    access = {"listen": {"address": "::1", "port": 1, "ca_file": None}}
    passwords = events.events(list(declared.tenants.values()), "secret", 1)["passwords"]
    assert set(passwords) == set(isolation.TENANTS)
    config = gateway.gateway(declared)["tenants"]
    for name, password in passwords.items():
        assert config[name]["tokens"] == [isolation.hashlib.sha256(isolation.token(password).encode()).hexdigest()]
    assert callable(isolation.gateway({**access, "nats": {"passwords": passwords}}))
