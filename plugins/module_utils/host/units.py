# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of systemd units, and which files a running one was started with."""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import atomic
from .booted import booted
from .receipts import UNIT, Entry

RUN = "/run/keelson"
UNITS = "/etc/systemd/system"
PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "DropInPaths",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "MainPID",
    "FragmentPath",
    "SourcePath",
)
RUNNING = ("active", "activating", "reloading")
STEADY = 5.0  # seconds in which a unit that cannot run has ended
SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "fresh", "stopped"], "default": "started"},
    "inputs": {"type": "list", "elements": "path", "default": []},
    "reload": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 90},
}


@dataclass(frozen=True)
class Unit:
    """What a unit shall be; see the module C(service_unit)."""

    name: str
    state: str = "started"
    inputs: list[str] = field(default_factory=list)
    reload: list[str] = field(default_factory=list)
    timeout: int = 90


@dataclass(frozen=True)
class State:
    """What a unit is. C(stale) and C(reloadable) are False unless it runs; C(active) is also one whose own conditions,
    when it was last started, kept it from running."""

    active: bool
    enabled: bool
    needs_daemon_reload: bool
    stale: bool
    reloadable: bool


def stamp(paths: list[str]) -> str:
    """One line a file: inode, size, seconds of its last change, real path. The shell of C(stamp_command) says the same."""
    lines = []
    for path in paths:
        real = os.path.realpath(path)
        try:
            status = os.stat(real)
            lines.append(f"{status.st_ino} {status.st_size} {int(status.st_mtime)} {real}\n")
        except OSError:
            continue
    return "".join(lines)


def stamp_command(paths: list[str], name: str) -> str:
    """The command a unit runs before it starts, to note which files it starts with."""
    files = " ".join(shlex.quote(path) for path in paths)
    script = f"mkdir -p {RUN} && stat -c '%%i %%s %%Y %%n' $(readlink -f {files}) > {RUN}/{name}"
    return f'+/bin/sh -c "{script}"'


def accept(name: str, path: str) -> None:
    """Note that a running unit has taken this file in without a restart. Raises OSError."""
    note, real = f"{RUN}/{name}", os.path.realpath(path)
    try:
        with open(note, encoding="utf-8") as file:
            lines = file.readlines()
    except FileNotFoundError:
        return
    new = (stamp([path]) if line.rstrip("\n").split(" ", 3)[-1] == real else line for line in lines)
    atomic.write(note, "".join(new), 0o644)


def read(unit: Unit, foreseen: Sequence[str] = ()) -> State:
    """Ask systemd for the unit, and the notes it left for its files; files in C(foreseen) count as changed."""
    if not booted():
        return _asleep(unit)
    shown = show(unit.name)
    active = shown.get("ActiveState") in RUNNING
    tried = shown.get("ConditionTimestampMonotonic", "0") != "0"
    kept_from_it = tried and shown.get("ConditionResult") == "no"
    return State(
        active=active or kept_from_it,
        enabled=shown.get("UnitFileState") in ("enabled", "static", "alias", "indirect", "generated"),
        needs_daemon_reload=shown.get("NeedDaemonReload") == "yes"
        or shown.get("LoadState") == "not-found"
        or _has_unseen_drop_ins(unit.name, shown),
        stale=active and _is_old(unit.name, unit.inputs, foreseen),
        reloadable=active and _is_old(f"{unit.name}.reload", unit.reload, foreseen),
    )


def recorded(unit: Unit, state: State) -> Entry:
    """What the receipts must have before the unit is touched."""
    files = [*unit.inputs, *unit.reload]
    return Entry(UNIT, unit.name, {"active": state.active, "enabled": state.enabled, "files": files})


def _asleep(unit: Unit) -> State:
    """A unit of a host that is not booted: it starts, and reads its files, when that boots; only enabling it is left."""
    done = subprocess.run(["systemctl", "is-enabled", unit.name], capture_output=True, text=True, check=False)
    return State(
        active=unit.state != "absent",
        enabled=done.stdout.strip() in ("enabled", "static", "alias", "indirect", "generated"),
        needs_daemon_reload=False,
        stale=False,
        reloadable=False,
    )


def _is_old(note: str, paths: list[str], foreseen: Sequence[str]) -> bool:
    return bool(paths) and (not set(paths).isdisjoint(foreseen) or _note(note) != stamp(paths))


def plan(unit: Unit, state: State) -> list[str]:
    """The steps from what is to what shall be, in order; empty when nothing is to be done."""
    if unit.state == "absent":
        ours = os.path.exists(os.path.join(UNITS, unit.name))
        return [step for step, due in (("stop", state.active), ("disable", state.enabled), ("remove", ours)) if due]
    if unit.state == "stopped":
        return ["stop"] if state.active else []
    steps = ["daemon-reload"] if state.needs_daemon_reload else []
    if not state.enabled:
        steps.append("enable")
    if not state.active:
        steps.append("start")
    elif unit.state == "fresh" and state.stale:
        steps.append("restart")
    elif state.reloadable:
        steps.append("reload")
    return steps


def carry_out(unit: Unit, step: str) -> str | None:
    """Do one step; returns what went wrong, with the last lines of the unit's journal."""
    if step == "remove":
        os.unlink(os.path.join(UNITS, unit.name))
        subprocess.run(["systemctl", "reset-failed", unit.name], capture_output=True, check=False)
        step = "daemon-reload"
    command = ["systemctl", step] if step == "daemon-reload" else ["systemctl", step, unit.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=unit.timeout, check=False)
        fault = done.stderr.strip() if done.returncode else None
    except subprocess.TimeoutExpired:
        fault = f"it took longer than {unit.timeout} seconds"
    if fault is None:
        return None
    journal = subprocess.run(
        ["journalctl", "--no-pager", "-q", "-n", "15", "-o", "cat", "-u", unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"systemctl {step} {unit.name} failed: {fault}\nIts last words:\n{journal.stdout.strip()}"


def runs(name: str) -> bool:
    """Tell whether the unit runs, or tries to."""
    return booted() and show(name).get("ActiveState") in RUNNING


def restart(unit: Unit) -> str | None:
    """Restart a unit and see that it goes on running; returns what went wrong in one line, with a line of its journal."""
    fault = carry_out(unit, "restart") is not None or ends(unit.name)
    return f"{unit.name} does not run ({why(unit.name)})" if fault else None


def ends(name: str) -> bool:
    """Whether the unit, which was just started, does not go on running."""
    process, end = show(name).get("MainPID"), time.monotonic() + STEADY
    while time.monotonic() < end:
        shown = show(name)
        if (shown.get("ActiveState"), shown.get("MainPID")) != ("active", process):
            return True
        time.sleep(0.2)
    return False


def why(name: str) -> str:
    """The line of the unit's journal that most likely tells why it ended."""
    command = ["journalctl", "--no-pager", "-q", "-n", "60", "-o", "cat", "-u", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    lines = [
        line.strip() for line in lines if line.strip() and not re.match(r"(\S+: |Start|Stopp|Failed to start)", line)
    ]
    telling = [
        line for line in lines if re.search(r"\b(err|error|fail|failed|fatal|invalid|unrecognized)\b", line, re.I)
    ]
    return ([""] + lines[-1:] + telling)[-1][:400] or "its journal is silent"


def show(name: str) -> dict[str, str]:
    """The properties of a unit that decide what is to be done; systemd knows any name."""
    done = subprocess.run(
        ["systemctl", "show", name, f"--property={','.join(PROPERTIES)}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def _has_unseen_drop_ins(name: str, shown: dict[str, str]) -> bool:
    """NeedDaemonReload overlooks a drop-in whose folder is younger than systemd's list of folders."""
    present = glob.glob(os.path.join(UNITS, f"{name}.d", "*.conf"))
    return not set(present) <= set(shown.get("DropInPaths", "").split())


def _note(name: str) -> str:
    try:
        with open(os.path.join(RUN, name), encoding="utf-8") as handle:
            return handle.read()
    except OSError:
        return ""
