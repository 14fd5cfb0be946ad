# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a stacks file's content to the inventory: the one entry for plugin, lookup, module and report."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import clusters, config, members, sources
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Stack

KEYS = ("plugin", "stacks", "clusters", "host", "on_duplicate")


def load(document: Any, path: str) -> Inventory:
    """Build the inventory that the stacks file at PATH describes; DOCUMENT is its content."""
    entry = config.mapping(document, path, KEYS)
    host = config.host_paths(entry.get("host"), f"{path}: host")
    on_duplicate = entry.get("on_duplicate") or "error"
    if on_duplicate not in config.DUPLICATES:
        raise StackError(f"{path}: on_duplicate", f"is {config.describe(on_duplicate)}", f"Choose one of: {', '.join(config.DUPLICATES)}")
    given = config.clusters(entry["clusters"], f"{path}: clusters") if entry.get("clusters") is not None else None
    stacks = read(entry.get("stacks"), path)
    return clusters.build(given if given is not None else clusters.described(stacks, path), stacks, host, on_duplicate)


def read(value: Any, path: str) -> dict[str, Stack]:
    """Read every stack of the `stacks:` block VALUE of the file at PATH."""
    place = f"{path}: stacks"
    entries = config.mapping(value, place)
    if not entries:
        raise StackError(place, "names no stack", "Give at least one, such as `network: {state: network/terraform.tfstate}`")
    base = os.path.dirname(os.path.abspath(path))
    stacks: dict[str, Stack] = {}
    for name, entry in entries.items():
        config.word(name, f"{place}.{name}", "a stack", dashes=True)
        stacks[name] = sources.read(name, entry, base, f"{place}.{name}")
        if entry.get("members") is not None:
            members.add(stacks[name], entry["members"], base, f"{place}.{name}.members")
    return stacks
