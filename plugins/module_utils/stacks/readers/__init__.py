# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file a format. Each has KIND (what it reads), OPTION (its key under a stack), recognise and parse."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Stack
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.readers import terraform_output, terraform_state

# The order matters: the first that recognises a document reads it, so the loosest shape comes last.
READERS: tuple[ModuleType, ...] = (terraform_state, terraform_output)
BY_OPTION = {reader.OPTION: reader for reader in READERS}


def parse(document: dict[str, Any], name: str, place: str, option: str | None = None) -> Stack:
    """Read DOCUMENT by the reader that recognises it. OPTION: the key that the user wrote, which must agree."""
    for reader in READERS:
        if reader.recognise(document):
            if option and reader.OPTION != option:
                raise StackError(place, f"is {reader.KIND}, not {BY_OPTION[option].KIND}",
                                 f"Write `{reader.OPTION}:` in place of `{option}:` under stacks.{name}")
            stack: Stack = reader.parse(document, name, place)
            return stack
    kinds = "; ".join(reader.KIND for reader in READERS)
    raise StackError(place, "is JSON of a shape that no reader knows", f"Give one of: {kinds}")
