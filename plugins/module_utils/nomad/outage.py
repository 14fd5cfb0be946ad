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
# systemctl mask --runtime is no use: a unit in /etc hides the mask in /run. A drop-in in /run counts, and dies at a boot.
DROP_IN = f"/run/systemd/system/{UNIT}.d/{WATCHDOG}.conf"
_NEVER = "[Unit]\nConditionPathExists=/keelson-outage-is-over\n[Service]\nRestart=no\n"
# No semicolon: systemd-run escapes it, and all would be arguments of the first command.
_BACK = f"rm -f {DROP_IN} && systemctl daemon-reload && systemctl start {UNIT}"
# Containers of tasks, and those that hold their networks.
_CONTAINERS = ("label=com.hashicorp.nomad.alloc_id", "name=^nomad_init_")

Run = Callable[[list[str], bool], "tuple[int, str, str]"]


class Outage:
    """The drill on this host; `run` runs a command and, where told so, fails the module when that fails."""

    def __init__(self, run: Run) -> None:
        """Remember how commands are run."""
        self.run = run
        self.was_down = False

    def is_down(self) -> bool:
        """Tell whether the drill keeps the agent from starting."""
        return os.path.exists(DROP_IN)

    def down(self, watchdog: int) -> dict[str, int]:
        """Arm the watchdog, then kill; return the numbers of processes and containers.

        Containers are removed, not only killed: Nomad retries for minutes to kill one that it finds dead.
        """
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        timer = [f"--unit={WATCHDOG}", f"--on-active={watchdog}", "--timer-property=AccuracySec=1s"]
        self.run(["systemd-run", *timer, "/bin/sh", "-c", _BACK], True)
        os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
        with open(DROP_IN, "w", encoding="ascii") as file:
            file.write(_NEVER)
        self.run(["systemctl", "daemon-reload"], True)
        processes = kill_all(unit_processes(UNIT))
        lists = [self.run(["docker", "ps", "-aq", "--filter", chosen], False)[1].split() for chosen in _CONTAINERS]
        containers = sorted({name for names in lists for name in names})
        if containers:
            self.run(["docker", "rm", "-f", *containers], False)
        return {"processes": processes, "containers": len(containers)}

    def up(self, timeout: int) -> str:
        """Start the agent again if this drill stopped it; return what went wrong, or nothing."""
        self.run(["systemctl", "stop", f"{WATCHDOG}.timer"], False)
        self.was_down = self.is_down()
        if not self.was_down:
            return ""
        os.remove(DROP_IN)
        self.run(["systemctl", "daemon-reload"], True)
        self.run(["systemctl", "reset-failed", UNIT], False)
        code, _out, error = self.run(["timeout", str(timeout), "systemctl", "start", UNIT], False)
        return f"{UNIT} does not start: {error.strip()}" if code else ""


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
