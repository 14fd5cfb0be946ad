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
from dataclasses import dataclass
from pathlib import Path

from figures import Bench, Figure, Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.runs import Run, children, run  # noqa: E402
from lab.servers import ENGINE, Lab  # noqa: E402
from lab.state import assert_whole  # noqa: E402

DRIVER = Lab().driver
SCRIPT, TASKS, HOSTS = Path(__file__).parent / DRIVER.SCRIPT, DRIVER.TASKS, DRIVER.HOSTS
BUNDLE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "keelson" / "bundle"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))


@dataclass(frozen=True)
class Measured:
    """One run: its wall time, and the CPU time of controller and hosts, which a busy machine stretches less."""

    seconds: float
    controller: float
    hosts: float
    run: Run | None = None

    @property
    def cpu(self) -> float:
        """CPU seconds of both."""
        return self.controller + self.hosts

    def row(self, name: str) -> list[object]:
        """A row of the table."""
        return [name, self.seconds, self.controller, self.hosts, len(self.run.tasks) if self.run else ""]


def by_shell(lab: Lab) -> Measured:
    """The script, on servers made anew."""
    lab.make()
    hosts = [f"{host.name}={host.address}={host.pool or 'manager'}" for host in lab.hosts]
    command = [str(SCRIPT), lab.name, str(BUNDLE), str(lab.folder / "ssh_config"), *hosts]
    on_hosts, used, start = lab.cpu(), children(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    measured = Measured(time.monotonic() - start, children() - used, lab.cpu() - on_hosts)
    assert_whole(lab, stores=False)
    return measured


def by_ansible(lab: Lab) -> tuple[Measured, Measured]:
    """The first and the second run, on servers made anew."""
    lab.make()
    both = []
    for _turn in range(2):
        on_hosts = lab.cpu()
        run = lab.play("install").expect()
        both.append(Measured(run.seconds, run.cpu, lab.cpu() - on_hosts, run))
    assert_whole(lab)
    return both[0], both[1]


def by_ping(lab: Lab) -> Measured:
    """The least a task on every host costs: Ansible's own module that does nothing."""
    command = ["ansible", "-i", str(lab.inventory()), lab.name, "-m", "ansible.builtin.ping"]
    shared = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(lab.connections)}
    on_hosts = lab.cpu()
    done = run(command, lab.folder / "ping.jsonl", shared).expect()
    return Measured(done.seconds, done.cpu, lab.cpu() - on_hosts)


def main() -> int:
    """Measure in turns, so that both meet the same machine; the best of each counts."""
    lab = Lab(hosts=HOSTS)
    shell, pairs, pings = [], [], []
    try:
        for _round in range(ROUNDS):
            shell.append(by_shell(lab))
            pairs.append(by_ansible(lab))
            pings.append(by_ping(lab))
    finally:
        lab.destroy()
    plain = min(shell, key=lambda measured: measured.seconds)
    first, second = min(pairs, key=lambda pair: pair[0].seconds)
    assert first.run and second.run
    tasks = {host: count for host, count in first.run.tasks_of_hosts().items() if host != "localhost"}
    bench = Bench(
        SCRIPT.stem,
        f"Installing 3 managers and {len(HOSTS) - 3} host nodes, engine {ENGINE}",
    )
    bench.figures = [
        Figure("tasks per host, skipped ones too", max(tasks.values()), TASKS),
        Figure("wall time of install ÷ plain shell", first.seconds / plain.seconds, 1.5),
        Figure("wall time of the second run ÷ the first", second.seconds / first.seconds, 0.2),
        Figure("changes of the second run", len(second.run.changed()), 0),
    ]
    longest = sorted(first.run.tasks, key=lambda task: -task.seconds)[:8]
    bench.tables = [
        Table(
            "Each kind of run in turn on servers made anew",
            ["run", "seconds", "CPU seconds, controller", "CPU seconds, hosts", "tasks of the play"],
            [
                plain.row(f"plain shell (tests/bench/{SCRIPT.name})"),
                first.row("first install"),
                second.row("second install"),
                min(pings, key=lambda measured: measured.seconds).row("ansible.builtin.ping, once on every host"),
            ],
        ),
        Table("Tasks by host", sorted(tasks), [[tasks[host] for host in sorted(tasks)]]),
        Table(
            "The longest tasks of the first run",
            ["task", "seconds"],
            [[task.name.split(" : ")[-1], task.seconds] for task in longest],
        ),
    ]
    bench.notes = [
        f"CPU time of install ÷ plain shell: {first.cpu / plain.cpu:.2f}; second run ÷ first: {second.cpu / first.cpu:.2f}."
    ]
    return bench.publish()


if __name__ == "__main__":
    raise SystemExit(main())
