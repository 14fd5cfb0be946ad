# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill that kills what an engine runs on a host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Verdict
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import outage
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import NODE

NOMAD, KUBERNETES = (components.engine(name).parts[NODE].outage for name in ("nomad", "kubernetes"))


@pytest.mark.parametrize(("outage_host", "containers"), [(NOMAD, 2), (KUBERNETES, 0)])
def test_outage_arms_the_watchdog_before_it_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outage_host: outage.OutageScope, containers: int
) -> None:
    order: list[str] = []
    commands: list[list[str]] = []

    def kill(pids: list[int]) -> int:
        order.append("kill")
        return len(pids)

    monkeypatch.setattr(outage, "DROP_INS", str(tmp_path))
    monkeypatch.setattr(outage, "group_processes", lambda groups: [1, 2])
    monkeypatch.setattr(outage, "kill_all", kill)

    def run(command: list[str], _check: bool) -> tuple[int, str, str]:
        order.append(" ".join(command[:2]))
        commands.append(command)
        inactive = command[-1] == "keepalived.service" and "is-active" in command
        return int(inactive), "c1 c2" if command[:2] == ["docker", "ps"] else "", ""

    drill = outage.Outage(run, outage_host)
    assert drill.down(60) == {"processes": 2, "containers": containers}
    assert order.index("systemd-run --unit=keelson-outage") < order.index("kill")
    assert ("docker rm" in order) is bool(containers)
    units = [unit for unit in outage_host.units if unit != "keepalived.service"]
    drop_ins = [tmp_path / f"{unit}.d" / "keelson-outage.conf" for unit in units]
    assert set(tmp_path.iterdir()) == {path.parent for path in drop_ins}
    assert drill.is_down() and all("Restart=no" in path.read_text() for path in drop_ins)
    armed = next(command[-1] for command in commands if command[0] == "systemd-run")
    assert all(f"systemctl start {unit}" in armed for unit in units) and ";" not in armed
    order.clear()
    assert drill.up(5) == "" and drill.was_down and not drill.is_down()
    assert order[-len(units) :] == ["timeout 5"] * len(units)
    order.clear()
    assert outage.Outage(run, outage_host).up(5) == "" and order == ["systemctl stop"]


def test_the_scope_of_a_host_is_that_of_all_its_components() -> None:
    mesh = outage.OutageScope(units=("mesh.service", "nomad.service"), groups=("mesh.service",))
    found = outage.OutageScope.of([NOMAD, mesh])
    assert found.units == ("nomad.service", "mesh.service") and found.containers == NOMAD.containers
    assert outage.OutageScope.read(json.loads(json.dumps(vars(found)))) == found
    assert outage.OutageScope.of([]) == outage.OutageScope.read({}) == outage.OutageScope()


def test_a_unit_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "DROP_INS", str(tmp_path))
    (tmp_path / "nomad.service.d").mkdir()
    (tmp_path / "nomad.service.d" / "keelson-outage.conf").touch()
    failing = outage.Outage(lambda command, _check: (int(command[0] == "timeout"), "", "no such unit\n"), NOMAD)
    with pytest.raises(
        outage.OutageError, match="nomad.service does not start: no such unit; look at journalctl -u nomad"
    ):
        outage.perform({"state": "up", "timeout": 5}, failing, False)


def test_what_a_module_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "DROP_INS", str(tmp_path))
    monkeypatch.setattr(outage, "group_processes", lambda groups: [])
    drill = outage.Outage(lambda _command, _check: (0, "", ""), NOMAD)
    down, up = {"state": "down", "watchdog": 60}, {"state": "up", "timeout": 5}
    assert outage.perform(up, drill, True) == {"changed": False} and outage.perform(down, drill, True)["changed"]
    assert list(tmp_path.iterdir()) == []
    assert outage.perform(down, drill, False) == {"changed": True, "killed": {"processes": 0, "containers": 0}}
    assert outage.perform(up, drill, True) == {"changed": True} == outage.perform(up, drill, False)
    assert outage.perform(up, drill, False) == {"changed": False}


def test_processes_of_control_groups(tmp_path: Path) -> None:
    groups = {
        "7": "0::/system.slice/nomad.service/app",
        "8": "0::/system.slice/ssh.service",
        "9": "5:memory:/kubepods/burstable/pod1\n0::/",
    }
    for pid, group in groups.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(group + "\n")
    assert outage.group_processes(("nomad.service",), str(tmp_path)) == [7]
    assert outage.group_processes(("kubepods", "nomad.service"), str(tmp_path)) == [9, 7]
    assert outage.kill_all([2**22 + 1]) == 0


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def read(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds


def steady(gap: float, timeout: float) -> Verdict:
    """Judge a cluster that does not answer for the first `gap` seconds."""
    clock = Clock()

    def ask() -> str | None:
        if clock.now < 100.0 + gap / 2:
            raise ApiError(0, "refused")
        return "HTTP 503" if clock.now < 100.0 + gap else None

    return outage.steady(ask, 100.0, timeout, clock.read, clock.sleep)


def test_how_long_a_cluster_did_not_answer_is_told() -> None:
    assert steady(0, 20) == (True, "answered 0.0 s after the stop; 0 of 26 requests failed")
    verdict = steady(3.9, 20)
    assert verdict.passed and verdict.evidence.startswith("answered 4.0 s after the stop; 20 of")


def test_a_cluster_that_answers_too_late_or_not_for_long() -> None:
    assert steady(30, 20) == (False, "100 of 100 requests failed, the last with: HTTP 503")
    assert not steady(17, 20).passed


def test_a_manager_is_brought_back_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Drill(outage.Outage):
        def down(self, watchdog: int) -> dict[str, int]:
            raise OSError("no systemd")

        def up(self, timeout: int) -> str:
            calls.append("up")
            return ""

    drill = Drill(lambda _command, _check: (0, "", ""), KUBERNETES)
    stopped, back = outage.stop_manager(drill, 60, 5, lambda: None, lambda: None)
    assert not stopped["passed"] and "no systemd" in stopped["evidence"]
    assert back["passed"] and calls == ["up"]
    _stopped, back = outage.stop_manager(drill, 60, 0, lambda: None, lambda: "etcd is sick")
    assert (back["passed"], back["evidence"]) == (False, "etcd is sick")
