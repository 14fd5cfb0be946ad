# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stacks that were applied against older outputs of another stack: terraform_remote_state remembers what it saw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .model import Stack


def warnings(stacks: Mapping[str, Stack]) -> list[str]:
    """One warning for each stack that saw other outputs than the ones read now. A data source is matched to the stack of its name."""
    found = []
    for stack in stacks.values():
        for address, seen in stack.upstream.items():
            name = re.sub(r"\[.*\]$", "", address).rsplit(".", 1)[-1]
            other = stacks.get(name) or stacks.get(name.replace("_", "-"))
            if other is None or other is stack:
                continue
            changed = sorted(
                key for key in seen if key not in other.outputs or _differs(seen[key], other.outputs[key].value)
            )
            if changed:
                found.append(
                    f"{stack.place}: was applied against an older {other.name} stack: {', '.join(changed)} changed since ({address}); apply it again"
                )
    return found


def _differs(seen: Any, now: Any) -> bool:
    """A secret that a cache left out (None) is not compared."""
    return now is not None and seen is not None and bool(seen != now)
