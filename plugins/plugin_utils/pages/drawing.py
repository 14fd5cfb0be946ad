# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as a drawing: bands (networks, clusters), in them frames (managers, pools), in these the hosts' boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .html import render

WIDTH = 1040
BOX_WIDTH, BOX_HEIGHT, _GAP, _PAD, _HEAD = 190, 74, 14, 18, 30
_ROOM = (BOX_WIDTH - 38) // 17  # instances that fit side by side into a box


@dataclass(frozen=True)
class Box:
    """A host, or a stack. `state` is good, bad, off or none; `instances` are {title, moved}."""

    name: str
    text: str
    state: str = "none"
    instances: Sequence[dict[str, Any]] = field(default=())


@dataclass(frozen=True)
class Frame:
    """A group of boxes with a title. `kind` is managers, pool or stacks; `more` boxes are not drawn."""

    title: str
    boxes: tuple[Box, ...]
    kind: str = "pool"
    more: int = 0

    def columns(self, room: int) -> int:
        """Return how many boxes go side by side into `room` pixels."""
        return max(1, min((room - 2 * _PAD + _GAP) // (BOX_WIDTH + _GAP), len(self.boxes)))

    def size(self, room: int) -> tuple[int, int]:
        """Return width and height in a row of `room` pixels."""
        columns = self.columns(room)
        rows = -(-len(self.boxes) // columns)
        width = 2 * _PAD + columns * (BOX_WIDTH + _GAP) - _GAP
        return width, _HEAD + rows * (BOX_HEIGHT + _GAP) - _GAP + _PAD + (16 if self.more else 0)


@dataclass(frozen=True)
class Band:
    """A network or a cluster: its title on the left, `text` on the right."""

    title: str
    text: str
    frames: tuple[Frame, ...]


def draw(bands: Iterable[Band], label: str) -> str:
    """Return the SVG element; its colours come from the pages' style sheet."""
    placed, y = [], 2
    for band in bands:
        frames = list(_flow(band.frames, y + 34))
        height = max((top + tall for _frame, _x, top, _wide, tall, _boxes in frames), default=y + 34) + _PAD - y
        placed.append((band, y, height, frames))
        y += height + _GAP
    return render(
        "drawing.svg.j2",
        bands=placed,
        label=label,
        width=WIDTH,
        height=max(y - _GAP + 2, 10),
        short=short,
        room=_ROOM,
        box_width=BOX_WIDTH,
        box_height=BOX_HEIGHT,
    )


def _flow(frames: Iterable[Frame], top: int) -> Iterator[tuple[Frame, int, int, int, int, list[tuple[Box, int, int]]]]:
    """Give each frame its place; frames flow from left to right and wrap."""
    room, x, tallest = WIDTH - 2 * _PAD, _PAD, 0
    for frame in frames:
        width, height = frame.size(room)
        if x > _PAD and x + width > WIDTH - _PAD:
            x, top, tallest = _PAD, top + tallest + _GAP, 0
        columns = frame.columns(room)
        boxes = [
            (box, x + _PAD + index % columns * (BOX_WIDTH + _GAP), top + _HEAD + index // columns * (BOX_HEIGHT + _GAP))
            for index, box in enumerate(frame.boxes)
        ]
        yield frame, x, top, width, height, boxes
        x, tallest = x + width + _GAP, max(tallest, height)


def short(text: str, room: int) -> str:
    """Return a text that fits into `room` pixels, counted as 7.2 each character."""
    most = max(4, int(room / 7.2))
    return text if len(text) <= most else text[: most - 1] + "…"
