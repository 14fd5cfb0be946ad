# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sensitive: the tool's own marks, and names that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import paths
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Resource, Steps

# Attributes and keys that hold secrets whatever their mark says: providers forget marks, and copies of a value lose them.
_DENIED = re.compile(
    r"(^|[^a-z])(pw|pwd|pass(wd|word|phrase)|secrets?|(access|auth|api|bearer|bootstrap|session|refresh|join)?_?tokens?|private_?keys?(_\w+)?"
    r"|(secret|access|api|account|primary|secondary|encryption|shared)_?keys?|kube_?config(_raw)?|credentials?"
    r"|user_data(_base64)?|connection_strings?)($|[^a-z])"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=65536)
def denied(name: object) -> bool:
    """Whether a key of this name is taken as secret; camelCase and kebab-case are read as snake_case."""
    return isinstance(name, str) and _DENIED.search(_CAMEL.sub("_", name).lower().replace("-", "_")) is not None


def is_sensitive(resource: Resource, steps: Steps) -> bool:
    """Whether reading STEPS of the resource would show something sensitive."""
    return any(paths.overlap(steps, mark) for mark in resource.sensitive) or any(denied(step) for step in steps)


def strip(value: Any, marks: Iterable[Steps] = (), left_out: list[str] | None = None, where: str = "") -> Any:
    """A copy of VALUE without sensitive parts; the paths of what was left out are added to LEFT_OUT."""
    if not isinstance(value, (dict, list)):
        return value
    marks = tuple(marks)
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            below = _below(marks, key)
            if denied(key) or () in below:
                if left_out is not None:
                    left_out.append(f"{where}.{key}" if where else str(key))
                continue
            kept[key] = strip(item, below, left_out, f"{where}.{key}" if where else str(key))
        return kept
    items = []
    for number, item in enumerate(value):
        below = _below(marks, number)
        items.append(None if () in below else strip(item, below, left_out, f"{where}[{number}]"))
    return items


def _below(marks: tuple[Steps, ...], step: Any) -> tuple[Steps, ...]:
    """What of the marks lies below a step."""
    return tuple(mark[1:] for mark in marks if mark and str(mark[0]) == str(step)) if marks else marks
