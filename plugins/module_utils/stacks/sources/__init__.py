# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a stack's text comes from; one file a place. `read` turns one entry of `stacks:` into a Stack."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .. import host_types, readers
from ..cache import Cache
from ..errors import StackError, known
from ..model import Stack
from ..source import Fetched, Source

if TYPE_CHECKING:  # for whoever packs a module with all that it may import
    from . import (  # noqa: F401
        cloudformation,
        command,
        file,
        http,
        pg,
        pull,
        s3,
        tfe,
    )

# The module that serves each key, imported on use: Ansible compiles what lies in collections anew in every run, and
# the libraries of s3 and pg take half a second.
SOURCES = {
    **dict.fromkeys(readers.OPTIONS, "file"),
    **{name: name for name in ("cloudformation", "command", "http", "pg", "pull", "s3", "tfe")},
}
# What may stand beside the source under a stack, and the sources that know workspaces.
BESIDE = ("workspace", "members")
WITH_WORKSPACES = ("state", "pull", "s3", "pg", "tfe")


def read(name: str, entry: Any, base: str, place: str, cache: Cache | None = None) -> Stack:
    """Read the stack NAME. ENTRY: what stands under it. BASE: the folder that relative paths start at."""
    source = _source(name, entry, base, place)
    old = cache.load(source) if cache else None
    fetched = _fetch(source, old.etag if old else "")
    if fetched.data is None:
        if old is None:
            raise AssertionError(fetched.place)
        return old.stack
    stack = readers.parse(fetched.data, name, fetched.place, fetched.option)
    stack.warnings[:0] = fetched.warnings
    stack.workspace = stack.workspace or source.workspace or ("default" if stack.kind == "terraform" else None)
    # The CA of a cluster that the cloud runs lies among its keys, which the cache leaves out.
    if cache and fetched.etag and not any(host_types.managed(item.type) for item in stack.resources):
        cache.save(source, fetched.etag, stack)
    return stack


def _fetch(source: Source, etag: str) -> Fetched:
    fetched: Fetched = import_module(f"{__name__}.{SOURCES[source.option]}").fetch(source, etag)
    return fetched


def _source(name: str, entry: Any, base: str, place: str) -> Source:
    if not isinstance(entry, Mapping):
        raise StackError(place, "is no mapping", f"Say where the stack is, with one of: {', '.join(SOURCES)}")
    for key in entry:
        if key not in SOURCES and key not in BESIDE:
            raise StackError(
                f"{place}.{key}", "is unknown", f"Remove or correct it; {known(str(key), [*SOURCES, *BESIDE], 'keys')}"
            )
    given = [str(key) for key in entry if key in SOURCES]
    if len(given) != 1:
        raise StackError(
            place,
            f"names {'no source' if not given else 'more than one source: ' + ', '.join(given)}",
            f"Give exactly one of: {', '.join(SOURCES)}",
        )
    workspace = entry.get("workspace")
    if workspace is not None and (
        not isinstance(workspace, str) or not workspace or "/" in workspace or workspace.startswith(".")
    ):
        raise StackError(
            f"{place}.workspace",
            f"is {workspace!r}, no name of a workspace",
            "Give the name that `terraform workspace list` shows",
        )
    if workspace is not None and given[0] not in WITH_WORKSPACES:
        raise StackError(
            f"{place}.workspace",
            f"is given, but `{given[0]}` knows no workspaces",
            f"Remove it and let `{given[0]}` name what that workspace holds",
        )
    return Source(name, given[0], entry[given[0]], base, f"{place}.{given[0]}", workspace)
