# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a stacks file's content to the inventory: the one entry for plugin, lookup, module and report."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Any

from . import (
    clusters,
    config,
    documents,
    lookup,
    sources,
)
from .cache import Cache
from .errors import StackError, visible
from .model import Inventory, Stack

CONSTRUCTED = ("compose", "groups", "keyed_groups", "strict")
KEYS = ("plugin", "stacks", "clusters", "host", "on_duplicate", "cache_folder", *CONSTRUCTED)


def load(document: Any, path: str) -> Inventory:
    """Build the inventory that the stacks file at PATH describes; DOCUMENT is its content."""
    return load_both(document, path)[0]


def load_both(document: Any, path: str) -> tuple[Inventory, list[Stack]]:
    """The inventory, and the stacks that it was built from, without the attributes of their resources."""
    with _uncollected():
        try:
            return _load_both(document, path)
        except RecursionError:
            fault = "names a stack with a value that is nested too deeply to be read"
            raise StackError(path, fault, "Give the file that the tool writes or prints") from None


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles of garbage: it looks at every value of a large state again and again, which is half
    the time of loading one, and finds none."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _load_both(document: Any, path: str) -> tuple[Inventory, list[Stack]]:
    entry = config.mapping(document, path, KEYS)
    host = config.host_rules(entry.get("host"), f"{path}: host")
    on_duplicate = entry.get("on_duplicate") or "error"
    if on_duplicate not in config.DUPLICATES:
        remedy = f"Choose one of: {', '.join(config.DUPLICATES)}"
        raise StackError(f"{path}: on_duplicate", f"is {config.describe(on_duplicate)}", remedy)
    given = config.clusters(entry["clusters"], f"{path}: clusters") if entry.get("clusters") is not None else None
    if documents.HAS_YAML and _numbers(entry.get("clusters")) and os.path.exists(path):
        documents.numbers(documents.read_file(path), path)
    constructed = any(key in entry for key in CONSTRUCTED)
    if constructed:  # imported on use, as in sources
        from . import construct

        extra = construct.parse(entry, path)
    stacks = read(entry.get("stacks"), path, entry.get("cache_folder"), _secret_stacks(given or {}))
    given = given or clusters.described(stacks)
    if not given:  # imported on use, as in sources
        from . import skeleton

        def build(block: dict[str, Any]) -> Inventory:
            return clusters.build(config.clusters(block, f"{path}: clusters"), stacks, host, on_duplicate)

        fault = "has no `clusters:`, and no stack has an output named clusters"
        raise StackError(path, fault, skeleton.remedy(stacks, build))
    inventory = clusters.build(given, stacks, host, on_duplicate)
    for stack in stacks.values():  # only a host's own attributes are still needed; 10,000 resources are much memory
        stack.resources = [item._replace(attributes={}) for item in stack.resources]
    if constructed:
        construct.apply(inventory, extra)
    inventory.records.clear()
    inventory.warnings = [visible(warning) for warning in inventory.warnings]
    return inventory, list(stacks.values())


def _numbers(value: Any) -> bool:
    """Whether there is a number in VALUE."""
    if isinstance(value, (dict, list)):
        return any(_numbers(item) for item in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and not isinstance(value, bool)


def document(path: str) -> dict[str, Any]:
    """The content of the stacks file at PATH, for those who read it without Ansible's loader."""
    return config.mapping(documents.load_yaml(documents.read_file(path), path), path)


def _secret_stacks(given: dict[str, config.Cluster]) -> set[str]:
    """The stacks that a sensitive output is asked of; the cache holds no secrets, so they are read again."""
    return {text.split(".", 1)[0] for cluster in given.values() for text in lookup.secrets(cluster.variables)}


def read(value: Any, path: str, cache_folder: Any = None, uncached: Any = ()) -> dict[str, Stack]:
    """Read every stack of the `stacks:` block VALUE of the file at PATH. CACHE_FOLDER serves all but the stacks UNCACHED."""
    place = f"{path}: stacks"
    entries = config.mapping(value, place)
    if not entries:
        raise StackError(
            place, "names no stack", "Give at least one, such as `network: {state: network/terraform.tfstate}`"
        )
    base = os.path.dirname(os.path.abspath(path))
    if cache_folder is not None and (not isinstance(cache_folder, str) or not cache_folder):
        raise StackError(
            f"{path}: cache_folder", f"is {config.describe(cache_folder)}, no path", "Give the path of a folder"
        )
    cache: Cache | None = Cache(os.path.join(base, os.path.expanduser(cache_folder))) if cache_folder else None
    stacks: dict[str, Stack] = {}
    for name, entry in entries.items():
        config.word(name, f"{place}.{name}", "a stack", dashes=True)
        stacks[name] = sources.read(name, entry, base, f"{place}.{name}", None if name in uncached else cache)
        if entry.get("members") is not None:
            from . import members

            members.add(stacks[name], entry["members"], base, f"{place}.{name}.members")
    return stacks
