# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stages of pipelines left behind: signed results, approvals and release records in one directory, also read over HTTP.

An index that is replaced in one step lists all of them; each has its number, and its predecessor's digest, so that none can be
altered, added between or taken away unseen.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ansible.module_utils.urls import open_url

from .. import sign
from ..user_error import UserError

INDEX = "index.json"
FORMAT = 1

Entry = dict[str, Any]


def digest(content: Any) -> str:
    """The digest of plain data."""
    return f"sha256:{hashlib.sha256(sign.canonical(content)).hexdigest()}"


def digest_of(path: str) -> str:
    """The digest of a file, or of all files below a folder with their names; what a stack tool leaves there is none of them."""
    root = Path(path)
    if root.is_file():
        return f"sha256:{hashlib.sha256(root.read_bytes()).hexdigest()}"
    if not root.is_dir():
        raise UserError(f"{path}: there is no such input; a stage's inputs are files and folders")
    files = sorted(file for file in root.rglob("*") if file.is_file() and not _left_by_a_stack_tool(file))
    return digest({str(file.relative_to(root)): digest_of(str(file)) for file in files})


def _left_by_a_stack_tool(file: Path) -> bool:
    """Its plugins, its plan, and the state of a stack, which an application changes, and which a release has by its serial."""
    return ".terraform" in file.parts or file.name == "tfplan" or ".tfstate" in file.suffixes


def read(place: str, trusted: Any) -> list[Entry]:
    """All entries, oldest first, as the trusted key signed them; raise UserError when one was altered or is missing."""
    if place.startswith(("http://", "https://")):
        where = f"{place.rstrip('/')}/{INDEX}"
        try:
            with open_url(where, timeout=30) as reading:
                text = reading.read().decode()
        except (HTTPException, OSError, ValueError) as error:
            raise UserError(f"{where}: cannot be read: {error}") from error
    else:
        where = str(Path(place) / INDEX)
        if not Path(where).exists():
            return []
        try:
            text = Path(where).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UserError(f"{where}: cannot be read: {error}") from error
    try:
        index = json.loads(text)
        known = index["format"] == FORMAT
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{where}: not an index of results ({error})") from error
    if not known:
        raise UserError(f"{where}: format {index['format']!r}, but this release reads format {FORMAT}")
    entries: list[Entry] = sign.unsealed(index, trusted, where)["entries"]
    before = ""
    for number, entry in enumerate(entries, 1):
        if entry["number"] != number or entry["before"] != before:
            raise UserError(f"{where}: entry {number} does not follow the one before; take the directory from a backup")
        before = digest(entry)
    later = [
        path.name
        for path in Path(place).glob("[0-9][0-9][0-9][0-9][0-9]-*")
        if int(path.name.partition("-")[0]) > len(entries)
    ]
    if later:
        raise UserError(
            f"{where}: ends at entry {len(entries)}, but {later[0]} lies beside it; take the newest index from a backup"
        )
    return entries


def append(folder: str, content: Mapping[str, Any], key: Any) -> Entry:
    """Add an entry and replace the index in one step; returns the entry."""
    if folder.startswith(("http://", "https://")):
        raise UserError(f"{folder}: results are written to a directory, and read from an address; serve the directory")
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    with (root / f".{INDEX}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another stage may end at the same moment
        entries = read(folder, key.public_key())
        entry: Entry = {**content, "number": len(entries) + 1, "before": digest(entries[-1]) if entries else ""}
        beside = root / f".{INDEX}.part"
        with beside.open("w", encoding="utf-8") as writing:
            json.dump(sign.sealed({"format": FORMAT, "entries": [*entries, entry]}, key), writing, indent=1)
            writing.write("\n")
            writing.flush()
            os.fsync(writing.fileno())
        beside.replace(root / INDEX)
    return entry


def newest(entries: list[Entry], **given: Any) -> Entry | None:
    """The newest entry that has these values."""
    return next(
        (entry for entry in reversed(entries) if all(entry.get(key) == value for key, value in given.items())), None
    )
