# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of teams, as data, whatever the engine. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DEPLOY = "keelson-deploy"  # what deploys have of their own in a namespace


class TenancyError(Exception):
    """The namespaces that are asked for cannot be; the message says where and what to do. Nothing was changed."""


@dataclass
class Outcome:
    """What was, or in check mode would be, changed: in words, and each object before and after."""

    changes: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def note(self, verb: str, path: str, before: Any, after: Any) -> None:
        """Add one object."""
        self.changes.append(f"{verb} {path}")
        self.before[path], self.after[path] = before, after


def validate(namespaces: Sequence[Mapping[str, Any]], reserved: tuple[str, ...], engine: str) -> None:
    """Raise TenancyError that names the first entry that is wrong. C(reserved) begins the names of others."""
    seen: set[str] = set()
    for index, entry in enumerate(namespaces):
        name, where = entry["name"], f"cluster_namespaces[{index}]"
        if not _NAME.fullmatch(name):
            raise TenancyError(f"{where}: {name!r} is no name; use up to 63 lower-case letters, digits and hyphens")
        if name == "default" or name.startswith(reserved):
            raise TenancyError(f"{where}: {name} belongs to {engine} or to this collection; choose another name")
        if name in seen:
            raise TenancyError(f"{where}: {name} is listed twice; merge the two entries")
        seen.add(name)


def in_use(name: str, used: Sequence[str]) -> TenancyError:
    """The error about a namespace that is no longer listed and still holds something."""
    return TenancyError(
        f"namespace {name} is not in cluster_namespaces any more, but still holds {', '.join(used)}: "
        "move or delete these, or list it again"
    )
