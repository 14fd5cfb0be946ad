# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as a drawing: networks as bands, in them managers and pools, in these the hosts and their instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from ..contract import MANAGER
from .model import HostRow, Report

WIDTH = 1040
_HOST_WIDTH, _HOST_HEIGHT, _GAP, _PAD, _HEAD = 190, 74, 14, 18, 30


@dataclass(frozen=True)
class Frame:
    """A group of hosts with a title: the managers, or a pool."""

    title: str
    hosts: tuple[HostRow, ...]

    def columns(self, room: int) -> int:
        """Return how many hosts go side by side into `room` pixels."""
        fit = max(1, (room - 2 * _PAD + _GAP) // (_HOST_WIDTH + _GAP))
        return min(fit, len(self.hosts))

    def size(self, room: int) -> tuple[int, int]:
        """Return width and height in a row of `room` pixels."""
        columns = self.columns(room)
        rows = -(-len(self.hosts) // columns)
        width = 2 * _PAD + columns * (_HOST_WIDTH + _GAP) - _GAP
        return width, _HEAD + rows * (_HOST_HEIGHT + _GAP) - _GAP + _PAD


def frames(hosts: tuple[HostRow, ...]) -> list[Frame]:
    """Return the managers first, then the pools in the order of the inventory."""
    groups: dict[str, list[HostRow]] = {}
    for host in sorted(hosts, key=lambda h: h.part != MANAGER):
        title = "cluster managers" if host.part == MANAGER else f"pool {host.pool}"
        groups.setdefault(title, []).append(host)
    return [Frame(title, tuple(members)) for title, members in groups.items()]


def _text(x: float, y: float, kind: str, text: str, room: int) -> str:
    """Return a text of at most `room` pixels, counted as 7.2 each character; the whole of it shows as a tooltip."""
    most = max(4, int(room / 7.2))
    short = text if len(text) <= most else text[: most - 1] + "…"
    title = f"<title>{escape(text)}</title>" if short != text else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{title}{escape(short)}</text>'


def _host(host: HostRow, x: int, y: int, failed: bool, instances: list[Mapping[str, object]]) -> str:
    state = "off" if not host.reachable else "bad" if failed else "good"
    parts = [
        f'<g class="host {state}"><rect x="{x}" y="{y}" width="{_HOST_WIDTH}" height="{_HOST_HEIGHT}" rx="8"/>',
        f'<circle cx="{x + 16}" cy="{y + 19}" r="5"/>',
        _text(x + 29, y + 24, "name", host.name, _HOST_WIDTH - 38),
        _text(x + 29, y + 42, "address", host.address if host.reachable else "did not answer", _HOST_WIDTH - 38),
    ]
    room = (_HOST_WIDTH - 38) // 17
    for index, instance in enumerate(instances[:room]):
        label = escape(f"instance {instance['id']} at {instance['address']}:{instance['port']}")
        kind, left = "instance moved" if instance["moved"] else "instance", x + 29 + index * 17
        parts.append(
            f'<rect class="{kind}" x="{left}" y="{y + 52}" width="12" height="12" rx="3"><title>{label}</title></rect>'
        )
    if len(instances) > room:
        parts.append(_text(x + 29 + room * 17, y + 62, "address", f"+{len(instances) - room}", 30))
    return "".join(parts) + "</g>"


def _frame(frame: Frame, x: int, y: int, room: int, report: Report) -> str:
    width, height = frame.size(room)
    kind = "managers" if frame.hosts[0].part == MANAGER else "pool"
    troubled = report.troubled()
    parts = [
        f'<g class="{kind}"><rect class="frame" x="{x}" y="{y}" width="{width}" height="{height}" rx="10"/>',
        _text(x + _PAD, y + 20, "frame-title", frame.title, width - 2 * _PAD),
    ]
    for index, host in enumerate(frame.hosts):
        column, row = index % frame.columns(room), index // frame.columns(room)
        left, top = x + _PAD + column * (_HOST_WIDTH + _GAP), y + _HEAD + row * (_HOST_HEIGHT + _GAP)
        own = [instance for instance in report.instances if instance["host"] == host.name]
        parts.append(_host(host, left, top, host.name in troubled, own))
    return "".join(parts) + "</g>"


def _band(name: str, cidr: str, hosts: tuple[HostRow, ...], y: int, report: Report) -> tuple[str, int]:
    """Return the drawing of one network and its height; frames flow from left to right and wrap."""
    room, x, top, tallest, body = WIDTH - 2 * _PAD, _PAD, y + 34, 0, []
    for frame in frames(hosts):
        width, height = frame.size(room)
        if x > _PAD and x + width > WIDTH - _PAD:
            x, top, tallest = _PAD, top + tallest + _GAP, 0
        body.append(_frame(frame, x, top, room, report))
        x, tallest = x + width + _GAP, max(tallest, height)
    height = top + tallest + _PAD - y
    label = f"network {name}" if name else "no known network"
    head = [
        f'<rect class="band" x="1" y="{y}" width="{WIDTH - 2}" height="{height}" rx="14"/>',
        _text(_PAD, y + 22, "band-title", label, 420),
        f'<text x="{WIDTH - _PAD}" y="{y + 22}" class="address" text-anchor="end">{escape(cidr)}</text>',
    ]
    return "".join(head + body), height


def draw(report: Report) -> str:
    """Return the SVG element, the managers' networks first; its colours come from the page's style sheet."""
    used = {host.network for host in report.hosts}
    leading = {host.network for host in report.hosts if host.part == MANAGER}
    bands = [(name, cidr) for name, cidr in report.networks.items() if name in used]
    bands.sort(key=lambda band: band[0] not in leading)
    bands += [("", "")] if "" in used else []
    y, parts = 2, []
    for name, cidr in bands:
        members = tuple(host for host in report.hosts if host.network == name)
        part, height = _band(name, cidr, members, y, report)
        parts.append(part)
        y += height + _GAP
    what = escape(f"{len(report.hosts)} hosts of cluster {report.cluster} in their networks and pools")
    return (
        f'<svg viewBox="0 0 {WIDTH} {max(y - _GAP + 2, 10)}" role="img" aria-label="{what}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
