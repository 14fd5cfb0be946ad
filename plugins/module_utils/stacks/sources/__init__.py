# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a stack's text comes from; one file a place. `read` turns one entry of `stacks:` into a Stack."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import readers
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError, known
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Stack
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.sources import file
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.sources.common import Source

Read = Callable[[Source], Stack]
SOURCES: dict[str, Read] = {option: file.read for option in readers.BY_OPTION}
# What may stand beside the source under a stack.
BESIDE = ("workspace", "members")


def read(name: str, entry: Any, base: str, place: str) -> Stack:
    """Read the stack NAME. ENTRY: what stands under it. BASE: the folder that relative paths start at."""
    if not isinstance(entry, Mapping):
        raise StackError(place, "is no mapping", f"Say where the stack is, with one of: {', '.join(SOURCES)}")
    for key in entry:
        if key not in SOURCES and key not in BESIDE:
            raise StackError(f"{place}.{key}", "is unknown", f"Remove or correct it; {known(str(key), [*SOURCES, *BESIDE], 'keys')}")
    given = [key for key in entry if key in SOURCES]
    if len(given) != 1:
        raise StackError(place, f"names {'no source' if not given else 'more than one source: ' + ', '.join(given)}",
                         f"Give exactly one of: {', '.join(SOURCES)}")
    workspace: Optional[str] = entry.get("workspace")
    if workspace is not None and (not isinstance(workspace, str) or not workspace or "/" in workspace or workspace.startswith(".")):
        raise StackError(f"{place}.workspace", f"is {workspace!r}, no name of a workspace", "Give the name that `terraform workspace list` shows")
    source = Source(name, str(given[0]), entry[given[0]], base, f"{place}.{given[0]}", workspace)
    stack = SOURCES[source.option](source)
    stack.workspace = stack.workspace or workspace or ("default" if stack.kind == "terraform" else None)
    return stack
