# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects beside a server that give it addresses, in whatever stack they are: found by the ids they name each other by."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from . import host_types, paths
from .model import Resource, Stack

Key = tuple[str, str]


class Neighbours:
    """Who names whom, looked up on first use."""

    def __init__(self, stacks: Iterable[Stack]) -> None:
        self._stacks = list(stacks)
        self._ids: dict[Key, list[Resource]] = {}
        self._links: dict[Key, list[Resource]] | None = None

    def of(self, server: Resource) -> list[Resource]:
        """The objects that point at the server or that it points at, and theirs in turn."""
        if self._links is None:
            self._links = {}
            for stack in self._stacks:
                for item in stack.resources:
                    if host_types.neighbour(item.type):
                        for key in _ids(item):
                            self._ids.setdefault(key, []).append(item)
                        for key in _links(item):
                            self._links.setdefault(key, []).append(item)
        if not self._links and not self._ids:
            return []
        found: list[Resource] = []
        waiting = [server]
        while waiting:
            item = waiting.pop()
            # Not from id to id: objects of one kind with one id have nothing to do with each other.
            beside = [self._links.get(key, ()) for key in (*_ids(item), *_links(item))]
            for other in itertools.chain(*beside, *(self._ids.get(key, ()) for key in _links(item))):
                if other is not server and not any(other is one for one in found):
                    found.append(other)
                    waiting.append(other)
        return found


def _kind(kind: str) -> str:
    kind = host_types.canonical(kind)
    return host_types.SAME.get(kind, kind)


def _texts(item: Resource, path: str) -> Iterator[str]:
    short = host_types.canonical(item.type).startswith(host_types.SHORT_IDS)
    for value in paths.every(item.attributes, paths.parse(path)):
        if value and isinstance(value, (str, int)) and not isinstance(value, bool):
            text = str(value).lower()  # Azure writes an id in several ways
            yield text.rsplit("/", 1)[-1] if short else text


def _ids(item: Resource) -> Iterator[Key]:
    entry = host_types.host(item.type) or host_types.neighbour(item.type)
    for path in entry.ids if entry else ():
        for text in _texts(item, path):
            yield _kind(item.type), text


def _links(item: Resource) -> Iterator[Key]:
    entry: Any = host_types.host(item.type) or host_types.neighbour(item.type)
    for path, kind in entry.links.items() if entry else ():
        for text in _texts(item, path):
            yield _kind(kind), text
