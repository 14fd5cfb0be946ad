# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of messages. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence


def some(texts: Sequence[str], most: int) -> str:
    """The first of many, and how many more there are."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def printable(text: str, most: int) -> str:
    """A text of others as one line that they can neither break nor make long."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[:most])[:most]


def count(number: int, thing: str) -> str:
    """A number of things: 1 manager, 2 managers."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
