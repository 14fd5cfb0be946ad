#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an upgrade takes, beside plain shell that does the documented manual steps, and whether anybody notices it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from figures import Bench, Figure, Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.measured import COLUMNS, Measured, measure  # noqa: E402
from lab.servers import ENGINE, Lab  # noqa: E402
from lab.upgrades import at, make_old  # noqa: E402
from lab.waiting import wait  # noqa: E402

DRIVER = Lab().driver
SCRIPT = Path(__file__).parent / DRIVER.UPGRADE_SCRIPT
BUNDLE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "keelson" / "bundle"
Result = TypeVar("Result")


def measured(lab: Lab, upgrade: Callable[[], Result]) -> Measured[Result]:
    """Upgrade a cluster of the old version, made anew."""
    make_old(lab)
    return measure(lab, upgrade, lambda: wait("the new version", lambda: at(lab, DRIVER.NEW), 120))


def by_shell(lab: Lab) -> None:
    """The script."""
    hosts = [f"{host.name}={host.address}={host.pool or 'manager'}" for host in lab.hosts]
    command = [str(SCRIPT), lab.name, str(BUNDLE), str(lab.folder / "ssh_config"), DRIVER.NEW, *hosts]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def main() -> int:
    """Measure both on servers made anew."""
    lab = Lab()
    try:
        shell = measured(lab, lambda: by_shell(lab))
        own = measured(lab, lambda: lab.play("upgrade", "-e", f"upgrade_to={DRIVER.NEW}").expect())
        second = lab.play("upgrade", "-e", f"upgrade_to={DRIVER.NEW}").expect()
    finally:
        lab.destroy()
    title = f"Upgrading {len(lab.managers)} managers and {len(lab.nodes)} host nodes under load, engine {ENGINE}"
    bench = Bench(SCRIPT.stem, title)
    bench.figures = [
        Figure("wall time of upgrade ÷ plain shell", own.seconds / shell.seconds, 1.3),
        Figure("changes of the second run", len(second.changed()), 0),
        Figure("failed requests to an application", own.failed, 0),
        Figure("longest time without an answer of the API", own.away, DRIVER.AWAY, "s"),
    ]
    longest = sorted(own.run.tasks, key=lambda task: -task.seconds)[:8]
    bench.tables = [
        Table(
            f"{DRIVER.OLD} to {DRIVER.NEW}, each on servers made anew",
            COLUMNS,
            [
                shell.row(f"plain shell (tests/bench/{SCRIPT.name})"),
                own.row("upgrade"),
                ["second upgrade", second.seconds, "", "", ""],
            ],
        ),
        Table(
            "The longest tasks",
            ["task", "seconds"],
            [[task.name.split(" : ")[-1], task.seconds] for task in longest],
        ),
    ]
    return bench.publish()


if __name__ == "__main__":
    raise SystemExit(main())
