# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which version to which one upgrade may go."""

from __future__ import annotations

import re


def number(version: str) -> tuple[int, ...]:
    """A version as numbers to compare, whatever else is in its text."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _order(version: str) -> tuple[tuple[int, ...], bool, str, tuple[int, ...]]:
    """A version to compare, by which a release comes after its release candidates; what follows a plus sign counts for nothing."""
    release, candidate, word = version.partition("+")[0].partition("-")
    return number(release), not candidate, re.sub(r"\d", "", word), number(word)


def older(version: str, other: str) -> bool:
    """Whether a version comes before the other one."""
    return _order(version) < _order(other)


def behind(version: str, other: str) -> int:
    """How many minor versions a version is behind the other one; none where their major versions differ."""
    ours, theirs = number(version), number(other)
    return theirs[1] - ours[1] if ours[:1] == theirs[:1] and len(ours) > 1 and len(theirs) > 1 else 0


def refuse(before: str, after: str, minors: int) -> str:
    """Why an upgrade may not go from one version to the other, or ''; `minors` is how many minor versions it may go up."""
    old, new = number(before), number(after)
    if older(after, before):
        return f"{after} is older than {before}, which is at work; an upgrade never goes back: restore a backup instead"
    if new[:1] != old[:1]:
        return f"{before} to {after} is another major version, which no upgrade was tried for"
    if behind(before, after) > minors:
        path = [f"{old[0]}.{minor}" for minor in range(old[1] + minors, new[1], minors)]
        return f"{before} to {after} skips what must lie between: upgrade to {', then '.join(path)} first"
    return ""
