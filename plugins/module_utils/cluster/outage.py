# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill what an engine runs on a host as a power cut would, and bring it back. Standard library only."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..checks.model import Check, Verdict, answer
from ..checks.sockets import read
from .remote import ApiError, wait_for

WATCHDOG = "keelson-outage"
# systemctl mask --runtime is no use: a unit in /etc hides the mask in /run. A drop-in in /run counts, and dies at a boot.
DROP_INS = "/run/systemd/system"
_NEVER = "[Unit]\nConditionPathExists=/keelson-outage-is-over\n[Service]\nRestart=no\n"

STEADY = 5.0  # seconds
ARGUMENTS: dict[str, dict[str, Any]] = {
    "scope": {"type": "dict", "required": True},
    "state": {"type": "str", "choices": ["down", "up"], "required": True},
    "watchdog": {"type": "int", "default": 120},
    "timeout": {"type": "int", "default": 60},
}

Run = Callable[[list[str], bool], "tuple[int, str, str]"]
Question = Callable[[], Optional[str]]


class OutageError(Exception):
    """The host was not brought back; the message says what does not start."""


@dataclass(frozen=True)
class OutageScope:
    """What is killed: those of the systemd `units` that are active, and every process in control `groups` of these names.

    Then what outlives its processes goes: `containers` that docker lists by these filters, and `stopped` units of those above,
    which let go of what they hold only when they are stopped, such as an address.
    """

    units: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()

    @classmethod
    def of(cls, scopes: Iterable[OutageScope]) -> OutageScope:
        """Return what all of the scopes have."""
        found = [vars(scope) for scope in scopes]
        return cls(**{name: tuple(dict.fromkeys(e for one in found for e in one[name])) for name in vars(cls())})

    @classmethod
    def read(cls, given: Mapping[str, Sequence[str]]) -> OutageScope:
        """Read one from a module's option, whose names are those of the fields."""
        return cls(**{name: tuple(given[name]) for name in vars(cls()) if name in given})

    def clear(self, run: Run) -> int:
        """Remove what outlives its processes; return the number of containers among it.

        They are removed, not only killed: an engine may retry for minutes to kill one that it finds dead.
        """
        if self.stopped:
            run(["systemctl", "stop", *self.stopped], False)
        lists = [run(["docker", "ps", "-aq", "--filter", chosen], False)[1].split() for chosen in self.containers]
        containers = sorted({name for names in lists for name in names})
        if containers:
            run(["docker", "rm", "-f", *containers], False)
        return len(containers)


class Outage:
    """The drill on this host; `run` runs a command and, where told so, fails the module when that fails."""

    def __init__(self, run: Run, scope: OutageScope) -> None:
        """Remember what is killed and how commands are run."""
        self.run = run
        self.scope = scope
        self.was_down = False

    def down_units(self) -> list[str]:
        """Return the units that the drill keeps from starting."""
        return [unit for unit in self.scope.units if os.path.exists(drop_in(unit))]

    def is_down(self) -> bool:
        """Tell whether the drill keeps any unit from starting."""
        return bool(self.down_units())

    def down(self, watchdog: int) -> dict[str, int]:
        """Arm the watchdog, then kill; return the numbers of processes and containers."""
        active = [unit for unit in self.scope.units if self.run(["systemctl", "is-active", "-q", unit], False)[0] == 0]
        units = [unit for unit in self.scope.units if unit in {*active, *self.down_units()}]
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        timer = [f"--unit={WATCHDOG}", f"--on-active={watchdog}", "--timer-property=AccuracySec=1s"]
        # No semicolon: systemd-run escapes it, and all would be arguments of the first command.
        steps = [f"rm -f {' '.join(map(drop_in, units))}", "systemctl daemon-reload"]
        back = " && ".join([*steps, *(f"systemctl start {unit}" for unit in units)])
        self.run(["systemd-run", *timer, "/bin/sh", "-c", back], True)
        for path in map(drop_in, units):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(_NEVER)
        self.run(["systemctl", "daemon-reload"], True)
        processes = kill_all(group_processes(self.scope.groups))
        return {"processes": processes, "containers": self.scope.clear(self.run)}

    def up(self, timeout: int) -> str:
        """Start the units again if this drill stopped them; return what went wrong, or nothing."""
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        units = self.down_units()
        self.was_down = bool(units)
        if not units:
            return ""
        for unit in units:
            os.remove(drop_in(unit))
        self.run(["systemctl", "daemon-reload"], True)
        self.run(["systemctl", "reset-failed", *units], False)
        for unit in units:
            code, _out, error = self.run(["timeout", str(timeout), "systemctl", "start", unit], False)
            if code:
                return f"{unit} does not start: {error.strip()}"
        return ""


def perform(given: dict[str, Any], outage: Outage, check: bool) -> dict[str, Any]:
    """Do what an outage module is given (ARGUMENTS); return what it returns. With `check` nothing is done.

    Raises OutageError when something does not start.
    """
    if check:
        return {"changed": given["state"] == "down" or outage.is_down()}
    if given["state"] == "down":
        return {"changed": True, "killed": outage.down(given["watchdog"])}
    error = outage.up(given["timeout"])
    if error:
        raise OutageError(f"{error}; look at journalctl{''.join(f' -u {unit}' for unit in outage.scope.units)}")
    return {"changed": outage.was_down}


def stop_manager(outage: Outage, watchdog: int, timeout: int, ask: Question, whole: Question) -> list[Check]:
    """Stop this manager and see that others are answered as before, then bring it back and see it whole again.

    `ask` and `whole` return what is wrong, or None.
    """

    def answered() -> Verdict:
        start = time.monotonic()
        outage.down(watchdog)
        return steady(ask, start, timeout)

    def back() -> Verdict:
        start = time.monotonic()
        wrong = outage.up(timeout) or wait_for(whole, timeout)
        return Verdict(not wrong, wrong or f"whole again after {time.monotonic() - start:.1f} s")

    remedy = "look at the endpoint's load balancer or virtual address, and at the other managers' logs"
    asked = [
        ("manager_outage", "The cluster answers while the manager is stopped", answered),
        ("back", "It comes back", back),
    ]
    return [answer(kind, title, "", remedy, question) for kind, title, question in asked]


def steady(
    ask: Question,
    start: float,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Verdict:
    """Judge that nothing is wrong for STEADY seconds on end, in `timeout` seconds after `start`; tell since when."""
    sent = failed = 0
    since: float | None = None
    wrong: str | None = None
    while clock() < start + timeout:
        try:
            now, wrong = clock(), ask()
        except ApiError as error:
            wrong = str(error)
        sent += 1
        if wrong:
            since, failed = None, failed + 1
        elif since is None:
            since = now
        if since is not None and clock() >= since + STEADY:
            return Verdict(True, f"answered {since - start:.1f} s after the stop; {failed} of {sent} requests failed")
        sleep(0.2)
    return Verdict(False, f"{failed} of {sent} requests failed, the last with: {wrong}")


def drop_in(unit: str) -> str:
    """Return the file that keeps a unit from starting."""
    return f"{DROP_INS}/{unit}.d/{WATCHDOG}.conf"


def group_processes(groups: tuple[str, ...], proc: str = "/proc") -> list[int]:
    """Return the processes in control groups with one of these names in their paths, in the order of `groups`."""
    paths = {int(pid): read(f"{proc}/{pid}/cgroup").splitlines() for pid in os.listdir(proc) if pid.isdigit()}
    found: list[int] = []
    for group in groups:
        found += [
            pid for pid, lines in paths.items() if pid not in found and any(f"/{group}" in line for line in lines)
        ]
    return found


def kill_all(pids: list[int]) -> int:
    """Kill processes, return how many were there."""
    killed = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            pass
    return killed
