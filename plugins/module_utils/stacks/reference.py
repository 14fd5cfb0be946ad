# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference language: `STACK.outputs.NAME[.path]` and `STACK.resources.ADDRESS`.

In an ADDRESS `*` is any run of characters without a dot, `**` any run at all, `**.` any steps or none, and a step without an
index stands for all its `count` or `for_each` instances. A dot inside a quoted index key separates nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import paths
from .model import Steps

_REFERENCE = re.compile(r"(?P<stack>[A-Za-z_][A-Za-z0-9_-]*)\.(?P<kind>outputs|resources)\.(?P<rest>.+)", re.DOTALL)
_TOKEN = re.compile(r'\*\*\.|\*\*|\*|"(?:[^"\\]|\\.)*"|.', re.DOTALL)
_RUN = r'(?:[^."]|"(?:[^"\\]|\\.)*")*'
_INDEX = r'(?:\[(?:[^"\]]*|"(?:[^"\\]|\\.)*")\])?'


class Reference(NamedTuple):
    """A parsed reference. text: as written. For outputs: name and path; for resources: pattern."""

    text: str
    stack: str
    name: str = ""
    path: Steps = ()
    pattern: re.Pattern[str] | None = None
    data: bool = False


def is_reference(value: object) -> bool:
    """Whether VALUE is written as a reference; any other text is meant literally."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def parse(text: str) -> Reference:
    """Parse a reference; ValueError says what is wrong with it."""
    match = _REFERENCE.fullmatch(text)
    if not match:
        raise ValueError("is no reference")
    stack, rest = match.group("stack"), match.group("rest")
    if match.group("kind") == "resources":
        return Reference(text, stack, pattern=_compile(rest), data=re.search(r"(^|\.)data\.", rest) is not None)
    try:
        name, *path = paths.parse(rest)
    except ValueError as error:
        raise ValueError(f"has no path that can be read after `{stack}.outputs.`") from error
    return Reference(text, stack, name=str(name), path=tuple(path))


def _compile(address: str) -> re.Pattern[str]:
    """Turn an address with wildcards into a pattern for whole addresses."""
    if address.count("[") != address.count("]") and '"' not in address:
        raise ValueError("has an index that is not closed")
    out: list[str] = []
    step = ""
    for token in _TOKEN.findall(address):
        if token == "**." and not step:
            out.append(r"(?:.*\.)?")
            continue
        if token == "**.":
            out.append(r".*\.")
        elif token == "**":
            out.append(".*")
        elif token == "*":
            out.append(_RUN)
        elif token.startswith('"') and len(token) > 1:
            out.append(re.escape(token).replace(r"\*\*", ".*").replace(r"\*", "[^.]*"))
        elif token == ".":
            out.append(_end(step) + r"\.")
        else:
            out.append(re.escape(token))
        step = "" if token in (".", "**.") else step + token
    return re.compile("".join(out) + _end(step), re.DOTALL)


def _end(step: str) -> str:
    """What may follow a finished step: any index, unless the step names one itself."""
    return "" if step.endswith("]") or step.endswith("**") else _INDEX
