# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill a Nomad host node as a power cut would, and bring it back. Standard library only."""

from __future__ import annotations

import os
import signal
from typing import Callable

from ..checks.sockets import read

UNIT = "nomad.service"
WATCHDOG = "keelson-outage"
_BACK = f"systemctl unmask --runtime {UNIT}; systemctl reset-failed {UNIT}; systemctl start {UNIT}"

Run = Callable[[list[str], bool], "tuple[int, str, str]"]


class Outage:
    """The drill on this host; `run` runs a command and, where told so, fails the module when that fails."""

    def __init__(self, run: Run) -> None:
        """Remember how commands are run."""
        self.run = run
        self.was_down = False

    def is_down(self) -> bool:
        """Tell whether the unit is masked until the next boot, which only this drill does."""
        return self.run(["systemctl", "is-enabled", UNIT], False)[1].strip() == "masked-runtime"

    def down(self, watchdog: int) -> dict[str, int]:
        """Arm the watchdog, then kill; return the numbers of processes and containers."""
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        self.run(["systemd-run", f"--unit={WATCHDOG}", f"--on-active={watchdog}", "/bin/sh", "-c", _BACK], True)
        self.run(["systemctl", "mask", "--runtime", UNIT], True)
        processes = kill_all(unit_processes(UNIT))
        _code, out, _error = self.run(["docker", "ps", "-q", "--filter", "label=com.hashicorp.nomad.alloc_id"], False)
        containers = out.split()
        if containers:
            self.run(["docker", "kill", *containers], False)
        return {"processes": processes, "containers": len(containers)}

    def up(self, timeout: int) -> str:
        """Start the agent again if this drill stopped it; return what went wrong, or nothing."""
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        self.was_down = self.is_down()
        if self.was_down:
            self.run(["systemctl", "unmask", "--runtime", UNIT], True)
            self.run(["systemctl", "reset-failed", UNIT], False)
            code, _out, error = self.run(["timeout", str(timeout), "systemctl", "start", UNIT], False)
            return f"{UNIT} does not start: {error.strip()}" if code else ""
        return ""


def unit_processes(unit: str, proc: str = "/proc") -> list[int]:
    """Return the processes in a unit's control group, those of its executors included."""
    found = []
    for pid in filter(str.isdigit, os.listdir(proc)):
        if any(f"/{unit}" in line for line in read(f"{proc}/{pid}/cgroup").splitlines()):
            found.append(int(pid))
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
