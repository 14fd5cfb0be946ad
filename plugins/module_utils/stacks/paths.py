# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dotted paths into values: `tags.Name`, `network_interface.0.ip`, `tags["a.b"]`. Resolved without Jinja.

`network_interface.*.ip` is every item of a list or a mapping, and `network_interface.*type=private.ip` every item of that type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .model import Steps

MISSING = object()
_STEP = re.compile(
    r"""\.?(?:(?P<name>\*(?:\w+=\w+)?|[A-Za-z0-9_:@/-]+)|\[(?P<index>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\])"""
)


def parse(text: str) -> Steps:
    """Split a dotted path into its steps; ValueError when TEXT is no path."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if not match or (match.group().startswith(".") == (position == 0)) and match.group("name"):
            raise ValueError(text)
        if match.group("index"):
            steps.append(int(match.group("index")))
        elif match.group("quoted") is not None:
            steps.append(re.sub(r"\\(.)", r"\1", match.group("quoted")))
        else:
            steps.append(match.group("name"))
        position = match.end()
    if not steps:
        raise ValueError(text)
    return tuple(steps)


def resolve(value: Any, steps: Steps) -> Any:
    """Follow STEPS into VALUE; MISSING when there is nothing there. A number also indexes a list.

    A text of options such as `ip=10.0.0.5/24,gw=10.0.0.1` is a mapping.
    """
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and (isinstance(step, int) or step.isdigit()):
            value = value[int(step)] if int(step) < len(value) else MISSING
        elif isinstance(value, str) and "=" in value:
            value = dict(part.split("=", 1) for part in value.split(",") if "=" in part).get(str(step), MISSING)
        else:
            return MISSING
    return value


def every(value: Any, steps: Steps) -> Iterator[Any]:
    """All that STEPS lead to, of which a `*` makes several."""
    for number, step in enumerate(steps):
        if isinstance(step, str) and step.startswith("*"):
            key, _equals, desired = step[1:].partition("=")
            for item in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
                if not key or isinstance(item, dict) and item.get(key) == desired:
                    yield from every(item, steps[number + 1 :])
            return
        value = resolve(value, (step,))
    if value is not MISSING:
        yield value


def overlap(left: Steps, right: Steps) -> bool:
    """Whether one path lies within the other: reading either shows something of both."""
    return all(str(one) == str(other) or str(one).startswith("*") for one, other in zip(left, right))
