# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain table for logs: fixed width, no colour, wrapped cells."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from .model import Fault


def clean(text: str) -> str:
    """Return text on one line without control characters: names come from outside and go to a terminal."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def rows(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of one row, its cells wrapped to `widths`."""
    wrapped = [textwrap.wrap(clean(cell), width, break_on_hyphens=False) or [""] for cell, width in zip(cells, widths)]
    height = max(len(lines) for lines in wrapped)
    padded = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return ["  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in zip(*padded)]


def render(head: Sequence[str], widths: Sequence[int], body: Iterable[Sequence[str]]) -> str:
    """Return a table with a head, a line and a row for each entry of `body`."""
    lines = rows(head, widths) + ["  ".join("-" * width for width in widths)]
    return "\n".join(lines + [line for cells in body for line in rows(cells, widths)])


def faults_table(faults: Iterable[Fault]) -> str:
    """Return the table of all faults; a row names the host ('cluster' for all of it), the fault and the remedy."""
    body = [(fault.level, fault.host or "cluster", fault.text, fault.remedy) for fault in faults]
    return render(("LEVEL", "HOST", "FAULT", "REMEDY"), (7, 16, 54, 38), body)
