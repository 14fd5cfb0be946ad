# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain table for logs: fixed width, no colour, wrapped cells."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .model import Fault

_WIDTHS = (7, 16, 54, 38)


def clean(text: str) -> str:
    """Return text on one line without control characters: names come from outside and go to a terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def rows(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of one row, its cells wrapped to `widths`."""
    wrapped = [textwrap.wrap(clean(cell), width, break_on_hyphens=False) or [""] for cell, width in zip(cells, widths)]
    height = max(len(lines) for lines in wrapped)
    padded = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return ["  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in zip(*padded)]


def render(faults: Sequence[Fault]) -> str:
    """Return the table of all faults; a row names the host ('cluster' for all of it), the fault and the cure."""
    lines = rows(("LEVEL", "HOST", "FAULT", "CURE"), _WIDTHS) + ["  ".join("-" * width for width in _WIDTHS)]
    for fault in faults:
        lines += rows((fault.level, fault.host or "cluster", fault.text, fault.cure), _WIDTHS)
    return "\n".join(lines)
