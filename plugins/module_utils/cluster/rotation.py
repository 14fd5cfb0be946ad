# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster accepts of a secret while that is replaced: the one in use, and another beside it. Standard library only.

The secrets of a cluster have C(rotations), by the name of what is replaced: C(number) of the newest, C(phase), and C(other):
in phase C(prepare) the next one, in phase C(use) the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREPARE, USE, FINISH = PHASES = ("prepare", "use", "finish")
FIRST = {"number": 1, "phase": FINISH, "other": {}}


def accepted(payload: Mapping[str, Any], field: str) -> list[str]:
    """The values of a field that members accept now, first the one that they use."""
    others = (entry.get("other", {}).get(field) for entry in payload.get("rotations", {}).values())
    return [payload[field], *(other for other in others if other)] if payload.get(field) else []
