# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of a group may be touched at once, written as a number or a percentage."""

from __future__ import annotations

import re
from typing import Any


def share(value: Any, total: int) -> int:
    """The number that C(value) stands for, one at least: itself, or that percentage of C(total), rounded down.

    Raises ValueError for what is neither.
    """
    found = re.fullmatch(r"\s*(\d+)\s*(%?)\s*", str(value))
    if isinstance(value, bool) or not found or (found[2] and int(found[1]) > 100) or int(found[1]) == 0:
        raise ValueError(f"{value!r} is neither a number, such as 2, nor a percentage, such as 10%, of at least one")
    return max(1, total * int(found[1]) // 100 if found[2] else int(found[1]))
