# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file a format. Each has KIND (what it reads), OPTION (its key under a stack), recognise and parse."""

from __future__ import annotations

from types import ModuleType

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import documents
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Stack
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.readers import (
    cloudformation,
    pulumi,
    static,
    terraform_output,
    terraform_show,
    terraform_state,
)

# The order matters: the first that recognises a document reads it, so the loosest shape comes last.
READERS: tuple[ModuleType, ...] = (terraform_show, pulumi, cloudformation, terraform_state, terraform_output, static)
BY_OPTION = {reader.OPTION: reader for reader in READERS}


def parse(data: bytes, name: str, place: str, option: str | None = None) -> Stack:
    """Read DATA by the reader that recognises it. OPTION: the key that the user wrote, which must agree."""
    if option == static.OPTION:
        return static.parse(static.load(data, place), name, place)
    document = documents.load_json(data, place)
    for reader in READERS:
        if reader.recognise(document):
            if option and option != reader.OPTION:
                raise StackError(
                    place,
                    f"is {reader.KIND}, not {BY_OPTION[option].KIND}",
                    f"Write `{reader.OPTION}:` in place of `{option}:` under stacks.{name}",
                )
            stack: Stack = reader.parse(document, name, place)
            return stack
    kinds = "; ".join(reader.KIND for reader in READERS if reader is not static)
    raise StackError(place, "is JSON of a shape that no reader knows", f"Give one of: {kinds}")
