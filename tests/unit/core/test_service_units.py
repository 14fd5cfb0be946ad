# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units: what is to be done, and whether one runs on old files."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.host.units import State, Unit

RUNS = State(active=True, enabled=True, needs_daemon_reload=False, stale=False, reloadable=False)


def state(**differences: bool) -> State:
    return State(**{**RUNS.__dict__, **differences})


@pytest.mark.parametrize(
    ("desired", "found", "steps"),
    [
        ("started", state(), []),
        (
            "started",
            state(active=False, enabled=False, needs_daemon_reload=True),
            ["daemon-reload", "enable", "start"],
        ),
        ("started", state(active=False), ["start"]),
        ("started", state(enabled=False), ["enable"]),
        ("started", state(stale=True), []),
        ("started", state(reloadable=True), ["reload"]),
        ("started", state(stale=True, reloadable=True, needs_daemon_reload=True), ["daemon-reload", "reload"]),
        ("fresh", state(stale=True), ["restart"]),
        ("fresh", state(stale=True, reloadable=True, needs_daemon_reload=True), ["daemon-reload", "restart"]),
        ("fresh", state(active=False), ["start"]),
        ("fresh", state(reloadable=True), ["reload"]),
        ("absent", state(), ["stop", "disable", "remove"]),
        ("absent", state(active=False), ["disable", "remove"]),
        ("absent", state(active=False, enabled=False, needs_daemon_reload=True), ["remove"]),
    ],
)
def test_the_plan(
    desired: str, found: State, steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_units, "UNITS", str(tmp_path))
    (tmp_path / "x.service").touch()
    assert service_units.plan(Unit("x.service", desired), found) == steps


def test_only_what_is_there_is_removed(systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_units, "UNITS", str(systemd))
    gone = state(active=False, enabled=False, needs_daemon_reload=True)
    assert service_units.plan(Unit("x.service", "absent"), gone) == []
    (systemd / "x.service").touch()
    assert service_units.carry_out(Unit("x.service", "absent"), "remove") is None
    assert not (systemd / "x.service").exists()
    assert (systemd / "calls").read_text().splitlines()[-1] == "daemon-reload"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A file, a link as an artifact has it, a name with a space, and one that is not there."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "nomad").write_text("binary")
    (tmp_path / "nomad").symlink_to(tmp_path / "v1" / "nomad")
    (tmp_path / "agent.json").write_text("{}")
    return [str(tmp_path / name) for name in ("nomad", "agent.json", "absent.json")]


def noted(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the unit's own command writes down, run by the shell as systemd would."""
    monkeypatch.setattr(service_units, "RUN", str(tmp_path / "run"))
    command = service_units.stamp_command(files, "nomad.service")
    assert command.startswith("+/bin/sh -c ")
    # systemd unquotes like a shell, expands nothing here, and makes one % of two (systemd.unit, "Specifiers").
    subprocess.run(shlex.split(command[1:].replace("%%", "%")), check=False, stderr=subprocess.DEVNULL)
    return (tmp_path / "run" / "nomad.service").read_text()


def test_shell_and_python_note_the_same(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(files, tmp_path, monkeypatch) == service_units.stamp(files)
    assert len(service_units.stamp(files).splitlines()) == 2


def test_every_kind_of_change_shows(files: list[str], tmp_path: Path) -> None:
    before = service_units.stamp(files)
    (tmp_path / "other").write_text("[]")
    os.utime(tmp_path / "other", (0, (tmp_path / "agent.json").stat().st_mtime))
    os.replace(tmp_path / "other", files[1])
    replaced = service_units.stamp(files)
    os.utime(files[1], (0, 1))
    touched = service_units.stamp(files)
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "nomad").write_text("binary")
    (tmp_path / "nomad").unlink()
    (tmp_path / "nomad").symlink_to(tmp_path / "v2" / "nomad")
    switched = service_units.stamp(files)
    (tmp_path / "absent.json").write_text("{}")
    appeared = service_units.stamp(files)
    assert len({before, replaced, touched, switched, appeared}) == 5


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake systemctl and journalctl on PATH; the file `show` says what the first one shows."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n'
        f'case $1 in show) cat {tmp_path}/show ;; start) echo "unit is masked" >&2; exit 1 ;; restart) sleep 5 ;; esac\n'
    )
    (tools / "journalctl").write_text("#!/bin/sh\necho the last words\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(service_units, "RUN", str(tmp_path / "run"))
    monkeypatch.setattr(service_units, "booted", lambda: True)
    return tmp_path


def test_the_state_of_a_running_unit(systemd: Path, files: list[str]) -> None:
    (systemd / "show").write_text("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n")
    (systemd / "run").mkdir()
    (systemd / "run" / "x.service").write_text(service_units.stamp(files))
    (systemd / "run" / "x.service.reload").write_text("old")
    found = service_units.read(Unit("x.service", inputs=files, reload=files))
    assert found == state(reloadable=True)
    (systemd / "run" / "x.service").unlink()
    assert service_units.read(Unit("x.service", inputs=files)).stale
    assert not service_units.read(Unit("x.service")).stale


def test_what_check_mode_would_write_counts_as_changed(systemd: Path, files: list[str]) -> None:
    (systemd / "show").write_text("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n")
    (systemd / "run").mkdir()
    for note in ("x.service", "x.service.reload"):
        (systemd / "run" / note).write_text(service_units.stamp(files))
    unit = Unit("x.service", inputs=files, reload=files)
    assert service_units.read(unit) == service_units.read(unit, ["/etc/other"]) == RUNS
    assert service_units.read(unit, [files[1]]) == state(stale=True, reloadable=True)
    (systemd / "show").write_text("LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n")
    assert not service_units.read(unit, [files[1]]).stale


@pytest.mark.parametrize("active", ["inactive", "failed"])
def test_a_unit_that_does_not_run_is_never_stale(systemd: Path, files: list[str], active: str) -> None:
    (systemd / "show").write_text(f"LoadState=loaded\nActiveState={active}\nUnitFileState=\nNeedDaemonReload=yes\n")
    found = service_units.read(Unit("x.service", inputs=files, reload=files))
    assert found == state(active=False, enabled=False, needs_daemon_reload=True)


@pytest.mark.parametrize(("moment", "held_back"), [("0", False), ("123456", True)])
def test_a_unit_whose_condition_is_not_met_is_not_started_again(systemd: Path, moment: str, held_back: bool) -> None:
    shown = "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\nNeedDaemonReload=no\nConditionResult=no\n"
    (systemd / "show").write_text(f"{shown}ConditionTimestampMonotonic={moment}\n")
    unit = Unit("x.service", "fresh", inputs=["/etc/hosts"])
    assert service_units.plan(unit, service_units.read(unit)) == ([] if held_back else ["start"])


def test_a_unit_that_systemd_does_not_know(systemd: Path) -> None:
    (systemd / "show").write_text("LoadState=not-found\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n")
    assert service_units.read(Unit("x.service")).needs_daemon_reload


def test_a_drop_in_that_systemd_has_not_seen(systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_units, "UNITS", str(systemd))
    drop_in = systemd / "x.service.d" / "keelson.conf"
    drop_in.parent.mkdir()
    drop_in.touch()
    shown = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\nDropInPaths="
    (systemd / "show").write_text(f"{shown}/lib/x.conf\n")
    assert service_units.read(Unit("x.service")) == state(needs_daemon_reload=True)
    (systemd / "show").write_text(f"{shown}/lib/x.conf {drop_in}\n")
    assert service_units.read(Unit("x.service")) == RUNS


def test_on_a_host_that_is_not_booted_units_are_enabled_and_no_more(
    systemd: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_units, "booted", lambda: False)
    unit = Unit("x.service", "fresh", inputs=files, reload=files)
    assert service_units.plan(unit, service_units.read(unit)) == ["enable"]
    systemctl = systemd / "bin" / "systemctl"
    systemctl.write_text("#!/bin/sh\n[ $1 = is-enabled ] && echo enabled\n")
    assert service_units.plan(unit, service_units.read(unit)) == []
    assert "stop" not in service_units.plan(
        Unit("x.service", "absent"), service_units.read(Unit("x.service", "absent"))
    )


def test_a_step_that_fails_tells_why_with_the_journal(systemd: Path) -> None:
    fault = service_units.carry_out(Unit("x.service"), "start") or ""
    assert fault == "systemctl start x.service failed: unit is masked\nIts last words:\nthe last words"
    assert service_units.carry_out(Unit("x.service"), "enable") is None
    assert service_units.carry_out(Unit("x.service"), "daemon-reload") is None
    assert (systemd / "calls").read_text().splitlines()[-2:] == ["enable x.service", "daemon-reload"]


def test_a_step_that_hangs_ends(systemd: Path) -> None:
    fault = service_units.carry_out(Unit("x.service", timeout=1), "restart") or ""
    assert "it took longer than 1 seconds" in fault
