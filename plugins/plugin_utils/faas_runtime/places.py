# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value of the inventory stands in its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

try:  # ansible-core keeps it privately
    from ansible._internal._datatag._tags import Origin
except ImportError:  # pragma: no cover
    Origin = None  # type: ignore[assignment,misc,unused-ignore]


def place(otherwise: str, *values: Any) -> str:
    """Where the first of some values that knows its file stands: FILE:LINE:COLUMN; `otherwise` alone where none does."""
    for value in values:
        origin = Origin.get_tag(value) if Origin else None
        if origin is not None and origin.line_num is not None:
            return f"{origin.path}:{origin.line_num}:{origin.col_num or 1} ({otherwise})"
    return otherwise


@dataclass
class Faults:
    """What is wrong, with the place of each."""

    found: list[str] = field(default_factory=list)

    def add(self, path: str, text: str, *values: Any) -> None:
        """Note one at a path of the variable; `values` are the faulty one and those around it."""
        self.found.append(f"{place(path, *values)}: {text}")
