# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill that kills what an engine runs on a host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils import outage
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import outage as kubernetes
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import outage as nomad


@pytest.mark.parametrize(("victim", "containers"), [(nomad.VICTIM, 2), (kubernetes.VICTIM, 0)])
def test_outage_arms_the_watchdog_before_it_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: outage.Victim, containers: int
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
        return 0, "c1 c2" if command[:2] == ["docker", "ps"] else "", ""

    drill = outage.Outage(run, victim)
    assert drill.down(60) == {"processes": 2, "containers": containers}
    assert order.index("systemd-run --unit=keelson-outage") < order.index("kill")
    assert ("docker rm" in order) is bool(containers)
    drop_ins = [tmp_path / f"{unit}.d" / "keelson-outage.conf" for unit in victim.units]
    assert drill.is_down() and all("Restart=no" in path.read_text() for path in drop_ins)
    armed = next(command[-1] for command in commands if command[0] == "systemd-run")
    assert all(f"systemctl start {unit}" in armed for unit in victim.units) and ";" not in armed
    order.clear()
    assert drill.up(5) == "" and drill.was_down and not drill.is_down()
    assert order[-len(victim.units) :] == ["timeout 5"] * len(victim.units)
    order.clear()
    assert outage.Outage(run, victim).up(5) == "" and order == ["systemctl stop"]


def test_a_unit_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "DROP_INS", str(tmp_path))
    (tmp_path / "nomad.service.d").mkdir()
    (tmp_path / "nomad.service.d" / "keelson-outage.conf").touch()
    failing = outage.Outage(lambda command, _check: (int(command[0] == "timeout"), "", "no such unit\n"), nomad.VICTIM)
    assert failing.up(5) == "nomad.service does not start: no such unit"


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
