# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a placement as one HTML page: applications by clusters as a drawing, what is wrong, and why not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..pages.html import render as page
from .rules import ALLOWED, FORBIDDEN, USED, Matrix, Violation, wrong_places

CELL, LEFT, TOP = 22, 230, 130
DETAILS = 4000  # cells; a larger drawing has no tooltips and no table of reasons, placement.json has them
_COLOURS = {ALLOWED: "var(--good-back)", USED: "var(--good)", FORBIDDEN: "var(--off)", "violation": "var(--bad)"}


def draw(matrix: Matrix) -> str:
    """The SVG element. Of many cells those of a colour are one path, so that a page of 100,000 still opens."""
    states, wrong = matrix.states(), wrong_places(matrix)
    clusters = list(matrix.placement.pools)
    large = len(states) * len(clusters) > DETAILS
    cells, paths = [], dict[str, list[str]]()
    for row, (name, line) in enumerate(states.items()):
        y = TOP + CELL * row
        for column, (cluster, state) in enumerate(line.items()):
            x, shown = LEFT + CELL * column, "violation" if (name, cluster) in wrong else state
            if large:
                paths.setdefault(shown, []).append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
                continue
            cell = matrix.cell(name, cluster)
            title = "\n".join([f"{name} on {cluster}: {shown}", *cell.pools, *cell.reasons])
            cells.append((x, y, _COLOURS[shown], title))
    return page(
        "matrix.svg.j2",
        width=LEFT + CELL * len(clusters) + 60,
        height=TOP + CELL * len(states) + 10,
        columns=[(LEFT + CELL * column + 15, name) for column, name in enumerate(clusters)],
        rows=[(TOP + CELL * row + 15, name) for row, name in enumerate(states)],
        left=LEFT - 8,
        cell=CELL,
        top=TOP - 8,
        cells=cells,
        paths=[(_COLOURS[shown], "".join(path)) for shown, path in paths.items()],
    )


def render(matrix: Matrix, violations: list[Violation], limits: Mapping[str, Sequence[str]]) -> str:
    """The HTML document. C(limits): by cluster, what its engine does not enforce."""
    states = matrix.states()
    applications = None
    if sum(len(row) for row in states.values()) <= DETAILS:
        applications = [
            (
                name,
                sum(state != FORBIDDEN for state in row.values()),
                {cluster: matrix.cell(name, cluster) for cluster in row},
            )
            for name, row in states.items()
        ]
    return page(
        "placement.html.j2",
        title=f"Placement {matrix.placement.path}",
        verdict=f"{len(violations)} violations" if violations else "No violation",
        good=not violations,
        drawing=draw(matrix),
        legend=[(f"border-radius:3px;background:{colour}", name) for name, colour in _COLOURS.items()],
        violations=violations,
        limits=limits,
        applications=applications,
    )
