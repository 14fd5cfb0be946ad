# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture of stacks, clusters, pools and hosts as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from .model import Inventory, Stack

# Pixels: columns of stacks and clusters, a host's box, the hosts in a row, and the most of a pool that are drawn.
STACK_WIDTH, STACK_HEIGHT, LEFT, HOST_WIDTH, HOST_HEIGHT, ROW, SHOWN = 190, 62, 300, 150, 38, 4, 24
WIDTH = LEFT + ROW * (HOST_WIDTH + 8) + 60
_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1100px; padding: 0 1em; color: #1c2733; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3em .8em .3em 0; border-bottom: 1px solid #dde3ea; vertical-align: top }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere }
svg { width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #1c2733 }
svg .small { font-size: 10.5px; fill: #51606f } svg .name { font-weight: 600 } .warning { color: #8a4b00 }
"""


def render(inventory: Inventory, stacks: Iterable[Stack], title: str) -> str:
    """The whole page. TITLE: the stacks file."""
    stacks = list(stacks)
    warnings = "".join(f'<li class="warning">{escape(text)}</li>' for text in inventory.warnings)
    skipped = "".join(
        f"<tr><td>{escape(item.stack)}</td><td><code>{escape(item.address)}</code></td><td>{escape(item.reason)}</td></tr>"
        for item in inventory.skipped
    )
    hosts = "".join(_row(name, variables) for name, variables in inventory.hosts.items())
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>Stacks and clusters</h1><p><code>{escape(title)}</code>: {len(stacks)} stacks, "
        f"{len(inventory.groups['clusters'].children)} clusters, {len(inventory.hosts)} hosts</p>{_drawing(inventory, stacks)}"
        f"<h2>Warnings</h2>{f'<ul>{warnings}</ul>' if warnings else '<p>None.</p>'}"
        f"<h2>What is no host, and why</h2>"
        f"{f'<table><tr><th>stack<th>address<th>reason</tr>{skipped}</table>' if skipped else '<p>Nothing was skipped.</p>'}"
        f"<h2>Hosts</h2><table><tr><th>host<th>address<th>cluster<th>part<th>stack<th>resource</tr>{hosts}</table></html>\n"
    )


def _row(name: str, variables: dict[str, Any]) -> str:
    part = f"pool {variables['cluster_pool']}" if variables["cluster_pool"] else "manager"
    stack = variables["stack"]
    return (
        f"<tr><td>{escape(name)}</td><td>{escape(variables['cluster_address'] or stack['note'])}</td><td>{escape(variables['cluster_name'])}</td>"
        f"<td>{escape(part)}</td><td>{escape(str(stack['name'] or 'in place'))}</td><td><code>{escape(stack['address'])}</code></td></tr>"
    )


def _drawing(inventory: Inventory, stacks: list[Stack]) -> str:
    """Stacks on the left, clusters with their parts on the right, a line from each stack to each part it gives hosts to."""
    top = 10
    places: dict[str, int] = {}
    shapes: list[str] = []
    lines: list[str] = []
    for number, stack in enumerate(stacks):
        places[stack.name] = 10 + number * (STACK_HEIGHT + 18)
        about = f"{stack.kind}{f' · {stack.workspace}' if stack.workspace else ''}{f' · serial {stack.serial}' if stack.serial is not None else ''}"
        count = f"{len(stack.outputs)} outputs, {len(stack.resources)} resources"
        shapes.append(_box(10, places[stack.name], STACK_WIDTH, STACK_HEIGHT, "#e8effb", "#6b8fd6"))
        shapes += [
            _text(20, places[stack.name] + at, text, kind)
            for at, text, kind in ((20, stack.name, "name"), (37, about, "small"), (52, count, "small"))
        ]
    for cluster in inventory.groups["clusters"].children:
        start, variables = top, inventory.groups[cluster].variables
        about = " · ".join(
            str(variables[key])
            for key in ("cluster_engine", "cluster_environment", "cluster_endpoint")
            if variables.get(key)
        )
        body = [_text(LEFT + 14, top + 22, cluster, "name"), _text(LEFT + 14, top + 38, about, "small")]
        networks = ", ".join(f"{name} {network}" for name, network in variables["cluster_networks"].items())
        body.append(_text(LEFT + 14, top + 53, networks or "no networks given", "small"))
        top += 66
        for group in [f"{cluster}_managers", *inventory.groups[f"{cluster}_nodes"].children]:
            members = inventory.groups[group].hosts
            height = 34 + -(-min(len(members), SHOWN) // ROW) * (HOST_HEIGHT + 8) + (18 if len(members) > SHOWN else 0)
            body.append(_box(LEFT + 12, top, WIDTH - LEFT - 34, height, "#ffffff", "#c3ccd6"))
            body.append(
                _text(
                    LEFT + 24,
                    top + 20,
                    f"{group.removeprefix(cluster + '_').replace('pool_', 'pool ', 1)} ({len(members)})",
                    "name",
                )
            )
            body += _hosts(inventory, members, top + 30)
            for stack_name in {str(inventory.hosts[host]["stack"]["name"]) for host in members} & places.keys():
                y, middle = places[stack_name] + STACK_HEIGHT // 2, (10 + STACK_WIDTH + LEFT) // 2
                curve = f"M{10 + STACK_WIDTH},{y} C{middle},{y} {middle},{top + 16} {LEFT + 12},{top + 16}"
                lines.append(f'<path d="{curve}" fill="none" stroke="#6b8fd6" stroke-width="1.5"/>')
            top += height + 10
        shapes += [_box(LEFT, start, WIDTH - LEFT - 10, top - start, "#f3f7f1", "#7aa35f"), *body]
        top += 20
    height = max([top, *(place + STACK_HEIGHT + 10 for place in places.values())])
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Stacks, clusters, parts and hosts">{"".join(shapes + lines)}</svg>'


def _hosts(inventory: Inventory, names: list[str], top: int) -> list[str]:
    """The boxes of a part's hosts, and how many more there are."""
    body: list[str] = []
    for number, name in enumerate(names[:SHOWN]):
        x, y = LEFT + 24 + number % ROW * (HOST_WIDTH + 8), top + number // ROW * (HOST_HEIGHT + 8)
        short = name if len(name) < 22 else name[:20] + "…"
        body += [
            _box(x, y, HOST_WIDTH, HOST_HEIGHT, "#fff7e6", "#d9a441"),
            _text(x + 8, y + 16, short, ""),
            _text(x + 8, y + 31, inventory.hosts[name]["cluster_address"], "small"),
        ]
    if len(names) > SHOWN:
        body.append(
            _text(
                LEFT + 24,
                top + SHOWN // ROW * (HOST_HEIGHT + 8) + 12,
                f"and {len(names) - SHOWN} more, listed below",
                "small",
            )
        )
    return body


def _box(x: int, y: int, width: int, height: int, fill: str, stroke: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{stroke}"/>'


def _text(x: int, y: int, text: str, kind: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text if len(text) < 100 else text[:98] + "…")}</text>'
