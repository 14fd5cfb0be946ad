# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a placement as one HTML file: applications by clusters as a drawing, what is wrong, and why not there."""

from __future__ import annotations

from html import escape

from ..report.page import STYLE
from .rules import ALLOWED, FORBIDDEN, USED, Matrix, Violation, wrong_places

CELL, LEFT, TOP = 22, 230, 130
DETAILS = 4000  # cells; a larger drawing has no tooltips and no table of reasons, placement.json has them
_COLOURS = {ALLOWED: "var(--good-back)", USED: "var(--good)", FORBIDDEN: "var(--off)", "violation": "var(--bad)"}
_OWN = ".matrix text { font-size: 12px } .matrix path, .matrix rect { stroke: var(--paper); stroke-width: 2 }"


def draw(matrix: Matrix) -> str:
    """The SVG element. Of many cells those of a colour are one path, so that a page of 100,000 still opens."""
    states, wrong = matrix.states(), wrong_places(matrix)
    clusters = list(matrix.placement.pools)
    width, height = LEFT + CELL * len(clusters) + 60, TOP + CELL * len(states) + 10
    parts = [
        f'<text transform="translate({LEFT + CELL * column + 15} {TOP - 8}) rotate(-60)">{escape(name)}</text>'
        for column, name in enumerate(clusters)
    ]
    paths: dict[str, list[str]] = {}
    for row, (name, line) in enumerate(states.items()):
        y = TOP + CELL * row
        parts.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name[:32])}</text>')
        for column, (cluster, state) in enumerate(line.items()):
            x, shown = LEFT + CELL * column, "violation" if (name, cluster) in wrong else state
            if len(states) * len(clusters) > DETAILS:
                paths.setdefault(shown, []).append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
                continue
            cell = matrix.cell(name, cluster)
            title = escape("\n".join([f"{name} on {cluster}: {shown}", *cell.pools, *cell.reasons]))
            parts.append(
                f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="5" fill="{_COLOURS[shown]}"><title>{title}</title></rect>'
            )
    parts += [f'<path fill="{_COLOURS[shown]}" d="{"".join(path)}"/>' for shown, path in paths.items()]
    size = f'viewBox="0 0 {width} {height}" style="max-width:{width}px"'
    return f'<svg class="matrix" role="img" aria-label="Applications by clusters" {size}>{"".join(parts)}</svg>'


def render(matrix: Matrix, violations: list[Violation]) -> str:
    """The HTML document. All texts are escaped."""
    legend = "".join(
        f'<span><i style="border-radius:3px;background:{colour}"></i>{name}</span>' for name, colour in _COLOURS.items()
    )
    verdict = f"{len(violations)} violations" if violations else "No violation"
    faults = "".join(
        f'<tr class="failed"><td class="bad"><b>failed</b></td><td>{escape(v.place)}</td><td></td><td>{escape(v.text)}'
        f'<span class="remedy">Remedy: {escape(v.remedy)}</span></td></tr>'
        for v in violations
    )
    told = f'<h2>What is wrong</h2><div class="card" style="padding:0;overflow:hidden"><table>{faults}</table></div>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Placement: {verdict}</title><style>{STYLE}{_OWN}</style></head><body><main>"
        f'<header><h1>Placement {escape(matrix.placement.path)}</h1><span class="verdict {"bad" if violations else "good"}">{verdict}</span></header>'
        f'<div class="card"><div class="drawing">{draw(matrix)}</div><div class="legend">{legend}</div></div>'
        f"{told if violations else ''}{_why(matrix)}</main></body></html>\n"
    )


def _why(matrix: Matrix) -> str:
    states = matrix.states()
    if sum(len(row) for row in states.values()) > DETAILS:
        return "<p>Why an application may not run on a cluster: run the check with -e placement_application=NAME.</p>"
    folds = []
    for name, row in states.items():
        cells = {cluster: matrix.cell(name, cluster) for cluster in row}
        lines = "".join(
            f"<tr><td>{cell.state}</td><td>{escape(cluster)}</td><td>{escape(', '.join(cell.pools))}</td>"
            f"<td>{'<br>'.join(escape(reason) for reason in cell.reasons)}</td></tr>"
            for cluster, cell in cells.items()
        )
        head = "<tr><th></th><th>Cluster</th><th>Possible pools</th><th>Why not the others</th></tr>"
        count = f"<span>{sum(state != FORBIDDEN for state in row.values())} of {len(row)} clusters</span>"
        folds.append(
            f'<details class="card"><summary>{escape(name)}{count}</summary><div class="scroll"><table>{head}{lines}</table></div></details>'
        )
    return f"<h2>Every application</h2>{''.join(folds)}"
