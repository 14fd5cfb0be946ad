# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the inventory: where the fault lies, what it is, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable

from ..texts import some


class StackError(Exception):
    """A fault in the stacks file or in what a stack holds.

    :param place: where it lies: a file, and the key or address in it.
    :param fault: what is wrong, one clause without a full stop.
    :param remedy: what to do, one imperative clause.
    """

    def __init__(self, place: str, fault: str, remedy: str) -> None:
        super().__init__(visible(f"{place}: {fault}. {remedy}."))
        self.place = place
        self.fault = fault
        self.remedy = remedy


def visible(text: str) -> str:
    """TEXT with its signs that steer a terminal, or hide what is written, as escapes: keys and names of a stack are anybody's."""
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)


def known(word: str, words: Iterable[str], what: str) -> str:
    """Say which WHAT there are, the ones nearest to WORD first, at most six: the end of a remedy."""
    from difflib import get_close_matches  # only an error needs it

    names = sorted(set(words))
    if not names:
        return f"there are no {what}"
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    return f"{what} there: {some([*near, *(name for name in names if name not in near)], 6)}"
