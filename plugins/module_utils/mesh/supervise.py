# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Envoy, and let a newer one take over its sockets when asked to reload. Standard library only.

SIGHUP starts the next Envoy, which takes the listening sockets over and lets the older one finish what it has begun. Where
the newer one does not start, the older one stays. usage: python3 -m utils.mesh.supervise SIDECAR CONCURRENCY
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

from ..enrollment.service import notify
from . import admin, places

DRAIN, END = "20", "30"  # seconds: an older Envoy lets connections end, and ends itself
LOOK = 0.05  # seconds between two looks whether it is ready


class Supervisor:
    """The Envoys of one sidecar, by their epochs; there are several only while a newer one takes over."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.ending = False
        self.asked: list[int] = []

    def start(self) -> None:
        """Start the next one, from the program that the link leads to now."""
        epoch = max(self.running, default=-1) + 1
        binary, *arguments = self.command
        command = [os.path.realpath(binary), *arguments, "--restart-epoch", str(epoch)]
        self.running[epoch] = subprocess.Popen(command)

    def obey(self) -> None:
        """Do what signals asked for. Not in their handlers, which may come while another one is started."""
        while self.asked:
            if self.asked.pop(0) == signal.SIGHUP and not self.ending:
                self.start()
            else:
                self.ending = True
                for process in self.running.values():
                    process.terminate()

    def look(self) -> int | None:
        """Look after those that ended; returns the exit code when none is left, or when the newest died at work."""
        for epoch, process in sorted(self.running.items()):
            status = process.poll()
            if status is None:
                continue
            del self.running[epoch]
            if self.running and epoch > max(self.running):
                sys.stdout.write(f"the newer Envoy ended with {status}; the older one goes on\n")
                sys.stdout.flush()
        return None if self.running else int(not self.ending)

    def serve(self, ready: Callable[[], bool]) -> int:
        """Run until stopped, or until no Envoy is left; tell systemd once C(ready)."""
        woken, wake = socket.socketpair()
        for end in (woken, wake):
            end.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, lambda asked, _frame: self.asked.append(asked))
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # it is enough to be woken
        self.start()
        told = False
        while True:
            self.obey()
            code = self.look()
            if code is not None:
                return code
            if not told and ready():
                told = True
                notify("READY=1")
            if select.select([woken], [], [], None if told else LOOK)[0]:
                woken.recv(4096)


def command(sidecar: str, concurrency: str) -> list[str]:
    """How Envoy is started, but for its epoch."""
    return [
        places.ENVOY,
        *("--config-path", f"{places.CONFIG}/{sidecar}/bootstrap.json", "--concurrency", concurrency),
        # Told apart by the account, so that no two sidecars of a host share memory.
        *("--base-id", str(os.getuid()), "--drain-time-s", DRAIN, "--parent-shutdown-time-s", END),
        *("--log-level", "warning", "--log-format", "%l %n %v"),
        # A refused call is in the journal within a second; Envoy keeps its access log for ten unless told otherwise.
        *("--file-flush-interval-msec", "1000"),
    ]


if __name__ == "__main__":
    supervisor = Supervisor(command(sys.argv[1], sys.argv[2]))
    raise SystemExit(supervisor.serve(lambda: admin.state(sys.argv[1]) == "LIVE"))
