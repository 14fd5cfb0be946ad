# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes of a call, whatever engine runs it."""

from __future__ import annotations

from dataclasses import dataclass


class CallFailed(Exception):
    """No answer; `status` is the HTTP status for the caller, `output` what the function wrote."""

    def __init__(self, status: int, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.status, self.output = status, output


@dataclass(frozen=True)
class Answer:
    """What a function answered. `cold` tells that an instance was started for it, `output` is what a call of its own wrote."""

    status: int
    headers: dict[str, str]
    body: bytes
    cold: bool
    instance: str
    output: str = ""
    cookies: tuple[str, ...] = ()  # the one header that an answer has several times
