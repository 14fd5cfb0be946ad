# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every source is given, and how it checks it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Optional

from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError


class Source(NamedTuple):
    """One source as written. option: its key; value: what stands there; base: the folder of the stacks file; place: for messages."""

    name: str
    option: str
    value: Any
    base: str
    place: str
    workspace: Optional[str] = None

    def path(self, value: Any, place: str = "") -> str:
        """A path as written, made absolute: `~` is the home folder, a relative one starts at the folder of the stacks file."""
        if not isinstance(value, str) or not value.strip():
            raise StackError(place or self.place, f"is {value!r}, no path", "Give the path of a file")
        if "\0" in value:
            raise StackError(place or self.place, "holds a NUL character", "Give the path of a file")
        return os.path.normpath(os.path.join(self.base, os.path.expanduser(value)))
