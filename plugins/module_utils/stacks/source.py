# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every source is given, how it checks it, and what it hands on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .errors import StackError, known

# Seconds that a whole answer of a backend or program may take, unless the stacks file says otherwise.
TIMEOUT = 30


class Source(NamedTuple):
    """One source as written. option: its key; value: what stands there; base: the folder of the stacks file; place: for messages."""

    name: str
    option: str
    value: Any
    base: str
    place: str
    workspace: str | None = None

    def path(self, value: Any, place: str = "") -> str:
        """A path as written, made absolute: `~` is the home folder, a relative one starts at the folder of the stacks file."""
        if not isinstance(value, str) or not value.strip():
            raise StackError(place or self.place, f"is {value!r}, no path", "Give the path of a file")
        if "\0" in value:
            raise StackError(place or self.place, "holds a NUL character", "Give the path of a file")
        return os.path.normpath(os.path.join(self.base, os.path.expanduser(value)))

    def fields(self, short: str, allowed: Iterable[str], needed: Iterable[str] = ()) -> dict[str, Any]:
        """The value as a mapping; a text alone stands for the key SHORT. Every value is text, but `timeout` (seconds) and booleans."""
        keys = (*allowed, "timeout")
        value = {short: self.value} if isinstance(self.value, str) else self.value
        if not isinstance(value, Mapping):
            raise StackError(self.place, f"is {value!r}", f"Give the {short}, or a mapping of: {', '.join(keys)}")
        for key, item in value.items():
            if key not in keys:
                raise StackError(
                    f"{self.place}.{key}", "is unknown", f"Remove or correct it; {known(str(key), keys, 'keys')}"
                )
            if not isinstance(item, (int, float) if key == "timeout" else str) or item == "" or item is True:
                raise StackError(
                    f"{self.place}.{key}", f"is {item!r}", f"Give {'seconds' if key == 'timeout' else 'a text'}"
                )
        for key in needed:
            if key not in value:
                raise StackError(self.place, f"has no {key}", f"Add `{key}:`")
        return {"timeout": TIMEOUT, **value}


class Fetched(NamedTuple):
    """What a source holds. data: None when it is what ETAG named. place: for messages. option: the format it must have, or None."""

    data: bytes | None
    place: str
    etag: str = ""
    option: str | None = None
    warnings: tuple[str, ...] = ()
