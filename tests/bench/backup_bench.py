#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of a large state costs beside the engine's own command, and how long a restore takes after the loss of all managers."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from figures import Bench, Figure, Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.backup import STORE, Backups  # noqa: E402
from lab.servers import ENGINE, Lab  # noqa: E402
from lab.state import assert_whole  # noqa: E402
from lab.waiting import wait  # noqa: E402

DRIVER = Lab().driver
ROUNDS, FILE = 3, "/var/tmp/bare.snapshot"
PROGRAM = "PYTHONPATH=/usr/local/lib/keelson/backup python3 -B -m utils.backup.program now {cluster}"
CLOCK = "set -e; begun=$(date +%s%N); {command} >/dev/null; echo $(( $(date +%s%N) - begun ))"


def seconds(lab: Lab, command: str) -> float:
    """How long a command takes on the first manager."""
    return int(lab.ssh(lab.managers[0], CLOCK.format(command=command), timeout=1200).split()[-1]) / 1e9


def size(lab: Lab, path: str) -> int:
    """The size of a file on the first manager; of several, of the newest."""
    return int(lab.ssh(lab.managers[0], f"stat -c %s $(ls -t {path} | head -n 1)"))


def large(backups: Backups) -> tuple[float, float, int, int]:
    """Seconds and bytes of a backup, and of the engine's own command, of a large state; in turns, the best of each."""
    lab = backups.lab
    DRIVER.fill(lab)
    own, bare = [], []
    for _round in range(ROUNDS):
        bare.append(seconds(lab, f"( {DRIVER.SNAPSHOT.format(cluster=lab.name, file=FILE)} )"))
        kept = size(lab, FILE)
        lab.ssh(lab.managers[0], f"rm {FILE}*")
        own.append(seconds(lab, PROGRAM.format(cluster=lab.name)))
    return min(own), min(bare), size(lab, f"{STORE}/*.tar.age"), kept


def restored(backups: Backups) -> float:
    """Seconds until the cluster is whole again, from its bare managers on."""
    lab = backups.lab
    backups.take().expect()
    sealed = backups.fetch()
    lab.make(*lab.managers)
    backups.prepare()
    start = time.monotonic()
    backups.restore(sealed).expect()
    wait("a whole cluster", lambda: assert_whole(lab, stores=False) is None, 120)
    return time.monotonic() - start


def main() -> int:
    """A restore of three managers and two host nodes, then a large state on one manager of its own."""
    tables, lab = [], Lab(hosts=("m1", "m2", "m3", "w1", "w2"))
    with tempfile.TemporaryDirectory() as folder:
        try:
            lab.make()
            backups = Backups(lab, Path(folder))
            backups.prepare()
            backups.play("install").expect()
            again = restored(backups)
        finally:
            lab.destroy()
        lab = Lab(hosts=("m1", "w1"))
        try:
            lab.make()
            backups = Backups(lab, Path(folder))
            backups.prepare()
            backups.play("install").expect()
            own, bare, sealed, kept = large(backups)
        finally:
            lab.destroy()
    tables = [
        Table(
            f"A state with {DRIVER.MUCH}, on the manager; the best of {ROUNDS}",
            ["run", "seconds", "MB"],
            [
                ["the engine's own command, a file in the clear", bare, kept / 1e6],
                ["a backup: with secrets, digests, encrypted, in the store", own, sealed / 1e6],
            ],
        )
    ]
    figures = [
        Figure(f"time of a backup with {DRIVER.MUCH} ÷ the engine's own command", own / bare, 1.2),
        Figure("size of it ÷ that of the engine's own command", sealed / kept, 1.2),
        Figure("restore of 3 managers and 2 host nodes until they are well", again, 120, "s"),
    ]
    return Bench(f"backup_{ENGINE}", f"Backup and restore, engine {ENGINE}", figures, tables).publish()


if __name__ == "__main__":
    raise SystemExit(main())
