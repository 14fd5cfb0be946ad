# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may make which calls to a service, as Linkerd decides it: one route has a call, and callers are let in by route.

The route with the longest path has a call, of two as long the one with a method. So each path that a rule names has a route for
each method that some rule names, with all callers whose rules cover it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ..mesh.model import Rule, Service

EXACT, PREFIX = "Exact", "PathPrefix"


@dataclass(frozen=True, order=True)
class Path:
    """A path, or with C(PREFIX) this path and all below it."""

    kind: str
    value: str

    def covers(self, other: Path) -> bool:
        """Tell whether all calls of the other are among those of this one."""
        if self.kind == EXACT:
            return self == other
        return other.value.rstrip("/") == self.value or other.value.startswith(f"{self.value.rstrip('/')}/")


EVERYTHING = Path(PREFIX, "/")


@dataclass(frozen=True)
class Allowed:
    """Callers, and the calls that they may make: a path and a method each, '' for all methods; no calls stand for every one."""

    callers: tuple[str, ...]
    calls: tuple[tuple[Path, str], ...] = ()


def paths(rule: Rule) -> list[Path]:
    """The paths of a rule; C(/a) and C(/a/*) together are a prefix. Those of C(no_segment) are not among them."""
    whole = {path for path in rule.paths if not path.endswith("*")}
    bases = {path[:-2] for path in rule.paths if path.endswith("/*")}
    prefixes = {base for base in bases if base in whole or not base}
    found = [Path(PREFIX, base or "/") for base in prefixes] + [Path(EXACT, path) for path in whole - prefixes]
    return sorted(found) if rule.paths else [EVERYTHING]


def no_segment(rule: Rule) -> list[str]:
    """The paths of a rule that end within a segment, or have all that is below a path and not the path itself."""
    prefixes = {path.value for path in paths(rule) if path.kind == PREFIX}
    return [
        path for path in rule.paths if path.endswith("*") and not (path[-2] == "/" and (path[:-2] or "/") in prefixes)
    ]


def allowed(service: Service) -> list[Allowed]:
    """Who may make which calls; nobody may make others."""
    rules = service.allow
    if not any(rule.methods or rule.paths for rule in rules):
        callers = tuple(sorted({rule.caller for rule in rules}))
        return [Allowed(callers)] if callers else []
    found: dict[tuple[str, ...], list[tuple[Path, str]]] = {}
    for path, method in _calls(service):
        callers = _callers(service, path, method)
        # A method that has no callers of its own is among those of the path.
        if callers and not (method and callers == _callers(service, path, "")):
            found.setdefault(callers, []).append((path, method))
    return [Allowed(callers, tuple(calls)) for callers, calls in sorted(found.items())]


def ambiguous(service: Service) -> list[str]:
    """Paths that stand alone in one rule and with all below them in another, for other callers: Linkerd ranks both the same."""
    calls = set(_calls(service))
    return sorted(
        {
            path.value
            for path, method in calls
            if path.kind == EXACT and (Path(PREFIX, path.value), method) in calls
            if _callers(service, path, method) != _callers(service, Path(PREFIX, path.value), method)
        }
    )


def _calls(service: Service) -> Iterator[tuple[Path, str]]:
    every = {path for rule in service.allow for path in paths(rule)}
    methods = {method for rule in service.allow for method in rule.methods}
    return product(sorted(every), sorted({"", *methods}))


def _callers(service: Service, path: Path, method: str) -> tuple[str, ...]:
    """Whose rules let this call in."""
    rules = [rule for rule in service.allow if not rule.methods or method in rule.methods]
    return tuple(sorted({rule.caller for rule in rules if any(one.covers(path) for one in paths(rule))}))
