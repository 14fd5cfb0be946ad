# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until nobody else installs packages on this host, as on its first boot. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import struct
import time
from collections.abc import Iterator
from typing import Any, Callable

from .install import InstallError

# dpkg(1). The locks of apt's lists and archives are not in the way: ours lie in a folder of our own.
LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock")
CLOUD_INIT = "/run/cloud-init"
OWN_GROUP = "/proc/self/cgroup"
PERIOD = 2.0
_LOCK = "hhqqi"  # struct flock: type, whence, start, length, process


@contextlib.contextmanager
def alone(timeout: float, run: Callable[..., tuple[int, str, str]]) -> Iterator[None]:
    """Hold dpkg's front end lock while the block runs, once nobody else installs packages. Raises InstallError.

    Programs that the block runs need DPKG_FRONTEND_LOCKED in their environment.
    """
    end = time.monotonic() + timeout
    with open(LOCKS[0], "a", encoding="ascii") as handle:
        while fault := in_the_way(run) or _taken(handle):
            if time.monotonic() >= end:
                raise InstallError(
                    f"no package was installed: {fault} after {timeout:.0f} s; run again when that has ended"
                )
            time.sleep(PERIOD)
        yield


def in_the_way(run: Callable[..., tuple[int, str, str]]) -> str:
    """Who installs packages on this host, or may be about to; '' for nobody."""
    for path in LOCKS:
        process = holder(path)
        if process is not None:
            return f"{path} is held by {_name(process)} (process {process})"
    if boots() and re.search("status: (running|not )", run(["cloud-init", "status"])[1]):
        return "cloud-init still runs (see cloud-init status --long)"
    return ""


def holder(path: str) -> int | None:
    """The process that holds a lock of fcntl(2) on a file: 0 for one outside this container, None for none."""
    try:
        with open(path, "rb") as file:
            asked = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _whence, _start, _length, process = struct.unpack(_LOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except FileNotFoundError:
        return None
    return None if kind == fcntl.F_UNLCK else process


def boots() -> bool:
    """Whether cloud-init has not ended, by its own files, and this process is no part of it."""
    if not os.path.exists(f"{CLOUD_INIT}/enabled") or os.path.exists(f"{CLOUD_INIT}/result.json"):
        return False
    with open(OWN_GROUP, encoding="utf-8") as file:
        return shutil.which("cloud-init") is not None and "/cloud-" not in file.read()


def _taken(handle: Any) -> str:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # by somebody else, since we looked
        return f"{LOCKS[0]} is held by another program"
    return ""


def _name(process: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()
    return "a program outside this container"
