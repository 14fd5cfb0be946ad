# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to an application while something is done to its cluster, and which of them failed."""

from __future__ import annotations

import threading
import time
import urllib.request
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Requests:
    """What was asked and what failed, until it is over."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def request(self, url: str) -> None:
        """One request by a new connection, and 20 ms of rest."""
        self.asked += 1
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
        except OSError as error:
            self.failed.append(f"{time.strftime('%X')} {url}: {error}")
        time.sleep(0.02)
