# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benches of changes to a living cluster share: an application and the API are asked all the while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .away import away
from .servers import Lab

Result = TypeVar("Result")
#: The heads of a table of such changes.
COLUMNS = ["run", "seconds", "requests", "failed", "longest time without the API, seconds"]


@dataclass(frozen=True)
class Measured(Generic[Result]):
    """One change of a cluster under load; `run` is what it gave."""

    seconds: float
    asked: int
    failed: int
    away: float
    run: Result

    def row(self, name: str) -> list[object]:
        """A row of the table."""
        return [name, self.seconds, self.asked, self.failed, self.away]


def measure(lab: Lab, change: Callable[[], Result], settle: Callable[[], object]) -> Measured[Result]:
    """Change a cluster, and ask on until it has settled, which is no part of its time."""
    with lab.work.load(lab) as asking, away(lab.work.endpoint(lab)) as gone:
        start = time.monotonic()
        run = change()
        seconds = time.monotonic() - start
        settle()
    return Measured(seconds, asking.asked, len(asking.failed), gone.longest, run)
