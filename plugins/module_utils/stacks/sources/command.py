# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any program that prints one of the formats that are read."""

from __future__ import annotations

import shlex

from ..errors import StackError
from ..source import TIMEOUT, Fetched, Source
from . import program


def fetch(source: Source, etag: str = "") -> Fetched:
    """The value is a list of words, or one text split as a shell would; it runs in the folder of the stacks file, without a shell."""
    return Fetched(program.run(words(source), source.base, TIMEOUT, source.place), source.place)


def words(source: Source) -> list[str]:
    """The program and its arguments."""
    value = source.value
    try:
        split = shlex.split(value) if isinstance(value, str) else value
    except ValueError:
        split = None
    if not isinstance(split, list) or not split or not all(isinstance(word, str) for word in split):
        raise StackError(
            source.place, f"is {value!r}, no command", "Give a list of words such as [terraform, output, -json]"
        )
    return [str(word) for word in split]
