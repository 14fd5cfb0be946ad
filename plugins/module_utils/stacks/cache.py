# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Normalised stacks kept between runs, without secrets: used when the backend says that nothing changed since (ETag)."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from typing import Any, NamedTuple

from . import sensitive
from .model import Output, Resource, Skipped, Stack
from .source import Source

# Raised when what is written changes its shape.
_SHAPE = 3


class Entry(NamedTuple):
    """A stack as it was kept, and the ETag, state version or checksum it was read under."""

    etag: str
    stack: Stack


class Cache:
    """A folder of one file a source, readable by its owner alone. A file that cannot be used counts as absent."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def _path(self, source: Source) -> str:
        key = json.dumps(
            [source.name, source.option, _public(source.value), source.workspace, source.base],
            sort_keys=True,
            default=str,
        )
        return os.path.join(self.folder, f"stack-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json")

    def load(self, source: Source) -> Entry | None:
        """What was kept for SOURCE."""
        try:
            with open(self._path(source), encoding="utf-8") as handle:
                kept = json.load(handle)
            if kept["shape"] != _SHAPE:
                return None
            body = kept["stack"]
            body["outputs"] = {name: Output(*output) for name, output in body["outputs"].items()}
            body["resources"] = [Resource(*resource) for resource in body["resources"]]
            body["skipped"] = [Skipped(*skipped) for skipped in body["skipped"]]
            return Entry(kept["etag"], Stack(**body))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, source: Source, etag: str, stack: Stack) -> None:
        """Keep STACK for SOURCE, sensitive outputs and attributes left out, written whole or not at all."""
        body: dict[str, Any] = {**vars(stack)}
        body["outputs"] = {name: _kept(name, output) for name, output in stack.outputs.items()}
        body["resources"] = [
            list(item._replace(attributes=sensitive.strip(item.attributes, item.sensitive), sensitive=()))
            for item in stack.resources
        ]
        body["upstream"] = {address: sensitive.strip(outputs) for address, outputs in stack.upstream.items()}
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False, encoding="utf-8") as handle:
                json.dump({"shape": _SHAPE, "etag": etag, "stack": body}, handle)
            os.replace(handle.name, self._path(source))
        except OSError as error:
            stack.warnings.append(f"{self.folder}: the cache cannot be written: {error.strerror}")


def _kept(name: str, output: Output) -> list[Any]:
    """An output as it is kept; what is a secret by its looks counts as marked, so that who asks for it is told."""
    marked = output.sensitive or sensitive.shows(output.value)
    value = None if marked or sensitive.denied(name) else sensitive.strip(output.value)
    return [value, marked, output.type, output.fault]


def _public(value: Any) -> Any:
    """A source without its credentials, which must not even shape a file name."""
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if key not in ("password", "token", "conn_str")}
    return value
