# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who leads to whom as a drawing: boxes in columns, arrows from left to right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .drawing import short
from .html import render

BOX_WIDTH, BOX_HEIGHT, GAP, COLUMN = 190, 54, 26, 400
BOW = 54


@dataclass(frozen=True)
class Arrow:
    """From one box to another. `state` is good, bad or none; `title` is shown on pointing at it."""

    source: str
    target: str
    text: str
    title: str = ""
    state: str = "none"


def columns(names: Sequence[str], arrows: Sequence[Arrow]) -> dict[str, int]:
    """The column of each box: right of all that lead to it, and one to which nothing leads close to the first that it leads to.

    In a circle it is right of those before it.
    """
    found = dict.fromkeys(names, 0)
    for _round in names:
        for arrow in arrows:
            if found[arrow.target] <= found[arrow.source] < len(names) - 1:
                found[arrow.target] = found[arrow.source] + 1
    for name in set(names) - {arrow.target for arrow in arrows}:
        found[name] = min((found[arrow.target] - 1 for arrow in arrows if arrow.source == name), default=0)
    used = sorted(set(found.values()))
    return {name: used.index(column) for name, column in found.items()}


def graph(boxes: Mapping[str, str], arrows: Sequence[Arrow], label: str) -> str:
    """Return the SVG element; `boxes` are texts by name."""
    column = columns(list(boxes), arrows)
    rows = {name: [other for other in boxes if column[other] == column[name]].index(name) for name in boxes}
    places = {name: (2 + column[name] * COLUMN, 2 + rows[name] * (BOX_HEIGHT + GAP)) for name in boxes}
    lines = []
    for arrow in arrows:
        (left, top), (right, end) = places[arrow.source], places[arrow.target]
        start, y, end = left + BOX_WIDTH, top + BOX_HEIGHT // 2, end + BOX_HEIGHT // 2
        # Past the boxes of a column between them.
        bow = BOW if column[arrow.target] - column[arrow.source] > 1 else 0
        lines.append((arrow, start, y, right - 6, end, bow, (start + right) // 2, (y + end + bow * 3 // 2) // 2 - 5))
    return render(
        "graph.svg.j2",
        boxes=[(name, text, *places[name]) for name, text in boxes.items()],
        lines=lines,
        label=label,
        width=max((x for x, _y in places.values()), default=0) + BOX_WIDTH + 4,
        height=max((y for _x, y in places.values()), default=0) + BOX_HEIGHT + GAP,
        short=short,
        box_width=BOX_WIDTH,
        box_height=BOX_HEIGHT,
        room=COLUMN - BOX_WIDTH - 10,
    )
