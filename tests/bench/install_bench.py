#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an installation takes, beside plain shell that reaches the same end, and how many tasks it costs a host."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from figures import Bench, Figure, Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.runs import Run  # noqa: E402
from lab.servers import Lab  # noqa: E402
from lab.state import assert_whole  # noqa: E402

SCRIPT = Path(__file__).parent / "install.sh"
BUNDLE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "keelson" / "bundle"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))


def by_shell(lab: Lab) -> float:
    """Seconds of the script, on servers made anew."""
    lab.make()
    hosts = [f"{host.name}={host.address}={host.pool or 'manager'}" for host in lab.hosts]
    start = time.monotonic()
    command = [str(SCRIPT), lab.name, str(BUNDLE), str(lab.folder / "ssh_config"), *hosts]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    assert_whole(lab, stores=False)
    return seconds


def by_ansible(lab: Lab) -> tuple[Run, Run]:
    """The first and the second run, on servers made anew."""
    lab.make()
    first = lab.play("install").expect()
    second = lab.play("install").expect()
    assert_whole(lab)
    return first, second


def main() -> int:
    """Measure in turns, so that both meet the same machine; the best of each counts."""
    lab = Lab()
    shell, pairs = [], []
    try:
        for _round in range(ROUNDS):
            shell.append(by_shell(lab))
            pairs.append(by_ansible(lab))
    finally:
        lab.destroy()
    first, second = (min(runs, key=lambda run: run.seconds) for runs in zip(*pairs, strict=True))
    tasks = {host: count for host, count in first.tasks_of_hosts().items() if host != "localhost"}
    bench = Bench("install", "Installing 3 managers and 3 host nodes")
    bench.figures = [
        Figure("tasks per host, skipped ones too", max(tasks.values()), 25),
        Figure("install ÷ plain shell", first.seconds / min(shell), 1.5),
        Figure("second run ÷ first", second.seconds / first.seconds, 0.2),
        Figure("changes of the second run", len(second.changed()), 0),
    ]
    bench.tables = [
        Table(
            "Each kind of run in turn on servers made anew",
            ["run", "seconds", "controller's CPU seconds", "tasks of the play"],
            [
                ["plain shell (tests/bench/install.sh)", min(shell), "", ""],
                ["first install", first.seconds, first.cpu, len(first.tasks)],
                ["second install", second.seconds, second.cpu, len(second.tasks)],
            ],
        ),
        Table("Tasks by host", sorted(tasks), [[tasks[host] for host in sorted(tasks)]]),
        Table(
            "The longest tasks of the first run",
            ["task", "seconds"],
            [[task.name.split(" : ")[-1], task.seconds] for task in sorted(first.tasks, key=lambda t: -t.seconds)[:8]],
        ),
    ]
    return bench.publish()


if __name__ == "__main__":
    raise SystemExit(main())
