#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody notices that the CA is replaced, that all certificates are, and that every manager is restarted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from figures import Bench, Figure, Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab.measured import COLUMNS, Measured, measure  # noqa: E402
from lab.runs import Run  # noqa: E402
from lab.servers import ENGINE, Lab  # noqa: E402
from lab.state import assert_whole  # noqa: E402
from lab.waiting import wait  # noqa: E402

DRIVER = Lab().driver


def measured(lab: Lab, run: Callable[[], Run], generations: int = 0) -> Measured[Run]:
    """Do it, and wait for a whole cluster; C(generations) of secrets are made by it."""

    def settle() -> None:
        lab.generations += generations
        wait("a whole cluster", lambda: assert_whole(lab) is None, 120)

    return measure(lab, lambda: run().expect(), settle)


def main() -> int:
    """On one cluster, one after the other."""
    lab = Lab()
    try:
        lab.make()
        lab.play("install").expect()
        found = {
            "every certificate is replaced": measured(lab, lambda: lab.play("rotate")),
            "the CA is replaced": measured(lab, lambda: lab.play("rotate", "-e", "rotate_ca=2"), 3),
            "every manager is restarted": measured(lab, lambda: lab.play("install", variables=DRIVER.MANAGERS)),
        }
    finally:
        lab.destroy()
    bench = Bench(f"rotation_{ENGINE}", f"Rotation and restart under load, engine {ENGINE}")
    bench.figures = [
        Figure("failed requests to an application", sum(one.failed for one in found.values()), 0),
        *(
            Figure(f"longest time without an answer of the API while {what}", one.away, DRIVER.AWAY, "s")
            for what, one in found.items()
        ),
    ]
    bench.tables = [
        Table(
            f"{len(lab.managers)} managers and {len(lab.nodes)} host nodes",
            COLUMNS,
            [one.row(what) for what, one in found.items()],
        )
    ]
    return bench.publish()


if __name__ == "__main__":
    raise SystemExit(main())
