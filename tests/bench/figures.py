# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench measured: kept as JSON in build/bench, shown as markdown, and composed into docs/benchmarks.md.

A bench makes a Bench, adds figures with their limits and tables with what lies behind them, and ends with publish().
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench"
HEAD = """\
# Benchmarks

Written by `make bench` from what it measured; do not edit. A figure that another run cannot repeat is a fault: report it.
"""


@dataclass(frozen=True)
class Figure:
    """One promised figure: `measured` must not be above `limit`."""

    name: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.limit


@dataclass(frozen=True)
class Table:
    """What lies behind the figures; cells are text or numbers."""

    title: str
    head: list[str]
    rows: list[list[Any]]


@dataclass
class Bench:
    """One bench by its file name in build/bench."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def publish(self) -> int:
        """Write the JSON, print the markdown; returns an exit code, 1 when a promise is not kept."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        day = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        document = {**asdict(self), "machine": machine(), "load": os.getloadavg()[0], "date": day}
        (FOLDER / f"{self.name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        print(markdown(document))
        return int(not all(figure.kept for figure in self.figures))


def machine() -> str:
    """One sentence about this machine."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {system}, kernel {platform.release()}"


def markdown(document: dict[str, Any]) -> str:
    """A bench's document as a section of the benchmarks' page."""
    lines = [f"## {document['title']}", ""]
    lines += _table(
        ["figure", "measured", "at most", ""],
        [
            [
                f["name"],
                f"{_short(f['measured'])} {f['unit']}".strip(),
                f"{_short(f['limit'])} {f['unit']}".strip(),
                "kept" if f["measured"] <= f["limit"] else "**missed**",
            ]
            for f in document["figures"]
        ],
    )
    for table in document["tables"]:
        lines += [f"{table['title']}:", "", *_table(table["head"], table["rows"])]
    for note in document["notes"]:
        lines += [note, ""]
    lines.append(
        f"Measured on {document['date']}, 1-minute load {document['load']:.1f} at the end: {document['machine']}."
    )
    return "\n".join(lines)


def composed(page: str, measured: list[str]) -> str:
    """The page with sections that were measured in place of those of the same title, new ones at its end."""
    _head, *old = re.split(r"\n(?=## )", page)
    sections = {section.partition("\n")[0]: section.strip() for section in [*old, *measured]}
    return "\n\n".join([HEAD.strip(), *sections.values()]) + "\n"


def _table(head: list[str], rows: list[list[Any]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(_short(cell).replace('|', '&#124;') for cell in row)} |" for row in cells] + [""]


def _short(cell: Any) -> str:
    return (
        f"{cell:.3g}"
        if isinstance(cell, float) and cell < 100
        else f"{cell:.0f}"
        if isinstance(cell, float)
        else str(cell)
    )
