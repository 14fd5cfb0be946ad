# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run may change the cluster: a lease that every manager keeps in a file and that ends by itself.

Time is counted from the manager's own boot, so a wrong clock does not matter. A lease from before a reboot lasts as long
again as it lasts without being renewed. Standard library only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ..host import atomic

STORE = "/var/lib/keelson"
LONGEST = 600.0  # seconds that a lease may last without being renewed
TRIES = 100
# Of the module and the action cluster_lease.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "managers": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "int", "default": 0},
    "take_from": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["held", "released", "read"], "default": "held"},
    "run": {"type": "str", "default": ""},
    "holder": {"type": "str", "default": ""},
    "origin": {"type": "str", "default": ""},
    "seconds": {"type": "float", "default": 60},
}


@dataclass(frozen=True)
class Lease:
    """One run's lease; C(taken) and C(renewed) are seconds since the boot C(boot). C(origin) tells its controller's processes."""

    run: str
    holder: str
    origin: str
    seconds: float
    boot: str
    taken: float
    renewed: float

    def left(self, boot: str, now: float) -> float:
        """Seconds until it ends by itself, 0 or less when it has."""
        known = self.boot == boot and self.renewed <= now
        return self.seconds - (now - self.renewed if known else now)

    def age(self, boot: str, now: float) -> float:
        """Seconds since it was taken, or since this manager's boot where that came later."""
        return now - (self.taken if self.boot == boot else 0)


def clock() -> tuple[str, float]:
    """Which boot of this host this is, and how many seconds ago it was."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip(), time.clock_gettime(time.CLOCK_BOOTTIME)


def read(cluster: str, boot: str, now: float, store: str = STORE) -> Lease | None:
    """The lease that holds, or None. One that cannot be read is none: whoever holds it writes it anew in time."""
    try:
        with open(_path(cluster, store), encoding="utf-8") as file:
            lease = Lease(**json.load(file))
        sound = isinstance(lease.run, str) and lease.seconds <= LONGEST
        return lease if sound and lease.left(boot, now) > 0 else None
    except (OSError, ValueError, TypeError):
        return None


def take(cluster: str, desired: Lease, broken: Collection[str] = (), store: str = STORE) -> Lease:
    """Take or renew C(desired), unless another run's lease holds that is not one of C(broken); returns the one that holds."""
    with _locked(os.path.dirname(_path(cluster, store))):
        held = read(cluster, desired.boot, desired.renewed, store)
        if held and held.run != desired.run and held.run not in broken:
            return held
        if held and held.run == desired.run and held.boot == desired.boot:
            desired = dataclasses.replace(desired, taken=held.taken)
        atomic.write(_path(cluster, store), json.dumps(dataclasses.asdict(desired)))
        return desired


def release(cluster: str, run: str, store: str = STORE) -> None:
    """Give up the lease of C(run), and leave nothing."""
    boot, now = clock()
    path = _path(cluster, store)
    with _locked(os.path.dirname(path)):
        held = read(cluster, boot, now, store)
        if held is None or held.run == run:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        for folder in (os.path.dirname(path), store):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _path(cluster: str, store: str) -> str:
    return os.path.join(store, cluster, "lease.json")


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold the lock of C(folder), which another run may have removed in the meantime. Raises OSError."""
    for attempt in range(1, TRIES + 1):
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except (FileNotFoundError, FileExistsError):
            if attempt == TRIES:
                raise
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)
    else:
        raise OSError(f"{folder} is removed again and again")
    try:
        yield
    finally:
        os.close(descriptor)
