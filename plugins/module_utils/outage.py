# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill what an engine runs on a host as a power cut would, and bring it back. Standard library only."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Callable

from .checks.sockets import read

WATCHDOG = "keelson-outage"
# systemctl mask --runtime is no use: a unit in /etc hides the mask in /run. A drop-in in /run counts, and dies at a boot.
DROP_INS = "/run/systemd/system"
_NEVER = "[Unit]\nConditionPathExists=/keelson-outage-is-over\n[Service]\nRestart=no\n"

Run = Callable[[list[str], bool], "tuple[int, str, str]"]


@dataclass(frozen=True)
class Victim:
    """What is killed: systemd units, every process in control groups of these names, and then what `clear` removes.

    `clear` returns the number of containers it has removed.
    """

    units: tuple[str, ...]
    groups: tuple[str, ...]
    clear: Callable[[Run], int] = lambda _run: 0


class Outage:
    """The drill on this host; `run` runs a command and, where told so, fails the module when that fails."""

    def __init__(self, run: Run, victim: Victim) -> None:
        """Remember what is killed and how commands are run."""
        self.run = run
        self.victim = victim
        self.was_down = False

    def drop_ins(self) -> list[str]:
        """Return the files that keep the units from starting."""
        return [f"{DROP_INS}/{unit}.d/{WATCHDOG}.conf" for unit in self.victim.units]

    def is_down(self) -> bool:
        """Tell whether the drill keeps any unit from starting."""
        return any(os.path.exists(path) for path in self.drop_ins())

    def down(self, watchdog: int) -> dict[str, int]:
        """Arm the watchdog, then kill; return the numbers of processes and containers."""
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        timer = [f"--unit={WATCHDOG}", f"--on-active={watchdog}", "--timer-property=AccuracySec=1s"]
        # No semicolon: systemd-run escapes it, and all would be arguments of the first command.
        start = " && ".join(f"systemctl start {unit}" for unit in self.victim.units)
        back = f"rm -f {' '.join(self.drop_ins())} && systemctl daemon-reload && {start}"
        self.run(["systemd-run", *timer, "/bin/sh", "-c", back], True)
        for path in self.drop_ins():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(_NEVER)
        self.run(["systemctl", "daemon-reload"], True)
        processes = kill_all(group_processes(self.victim.groups))
        return {"processes": processes, "containers": self.victim.clear(self.run)}

    def up(self, timeout: int) -> str:
        """Start the units again if this drill stopped them; return what went wrong, or nothing."""
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        self.was_down = self.is_down()
        if not self.was_down:
            return ""
        for path in filter(os.path.exists, self.drop_ins()):
            os.remove(path)
        self.run(["systemctl", "daemon-reload"], True)
        self.run(["systemctl", "reset-failed", *self.victim.units], False)
        for unit in self.victim.units:
            code, _out, error = self.run(["timeout", str(timeout), "systemctl", "start", unit], False)
            if code:
                return f"{unit} does not start: {error.strip()}"
        return ""


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
