# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for what takes its time."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait(what: str, probe: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until `probe` says yes; it may also fail an assertion until then, whose message is told at the end."""
    end, failure = time.monotonic() + seconds, ""
    while True:
        try:
            if probe():
                return
        except AssertionError as error:
            failure = f" ({error})"
        assert time.monotonic() < end, f"after {seconds} s still not: {what}{failure}"
        time.sleep(0.5)
