# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how long a cluster's API does not answer while something is done to the cluster."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LEAST = 1.0  # seconds: less is the time that a question takes on a busy machine


@dataclass
class Away:
    """Seconds of each time in which the API did not answer."""

    times: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """The longest of them, 0 where it always answered."""
        return max(self.times, default=0.0)


@contextlib.contextmanager
def away(answers: Callable[[], bool]) -> Iterator[Away]:
    """Ask all the time whether the API answers."""
    found, over = Away(), threading.Event()

    def ask() -> None:
        last = time.monotonic()
        while not over.is_set():
            if answers():
                now = time.monotonic()
                if now - last > LEAST:
                    found.times.append(now - last)
                last = now
            over.wait(0.1)
        if time.monotonic() - last > LEAST:
            found.times.append(time.monotonic() - last)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
