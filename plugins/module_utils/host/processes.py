# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a program runs with the files there are now. Standard library only."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Sequence

TOLERANCE = 1.0  # seconds between a file's time and the kernel's, which counts in ticks


def starts(program: str, proc: str = "/proc") -> list[float]:
    """When the processes of a program were started, in seconds since 1970 by the clock of now."""
    found = []
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            with open(os.path.join(proc, name, "cmdline"), "rb") as file:
                command = file.read().split(b"\0", 1)[0]
            if os.path.basename(command.decode("utf-8", "replace")) != program:
                continue
            found.append(start(name, proc))
        except OSError:  # it has just ended
            continue
    return found


def start(number: str, proc: str = "/proc") -> float:
    """When the process of a number was started, in seconds since 1970 by the clock of now. Raises OSError."""
    with open(os.path.join(proc, number, "stat"), encoding="utf-8", errors="replace") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def runs_on_older_files(program: str, patterns: Sequence[str], proc: str = "/proc") -> bool:
    """Whether a process of the program was started before one of these files was last written."""
    times = [os.stat(path).st_mtime for pattern in patterns for path in glob.glob(pattern)]
    now = time.time()  # a file of the future was written with a wrong clock and tells nothing
    newest = max((moment for moment in times if moment <= now), default=0.0)
    return any(begun + TOLERANCE < newest for begun in starts(program, proc))
