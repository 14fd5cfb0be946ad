# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup is: a tar of files with their digests, sealed by age, beside it a note that anybody may read.

The note is written last: a backup without it is not whole. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

SEALED, NOTE = ".tar.age", ".json"
CONTENTS = "backup.json"  # the first file in the tar
FORMAT = 1
BLOCK = 1 << 20


class BackupError(Exception):
    """A backup cannot be made, read or kept; the message names the place and what to do."""


@dataclass(frozen=True)
class Note:
    """What is known of a backup without its key. C(sha256) and C(size) are those of the sealed file."""

    name: str
    cluster: str
    engine: str
    host: str
    created: float
    generation: int
    size: int
    sha256: str
    format: int = FORMAT

    def text(self) -> str:
        """As the file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def name_of(cluster: str, moment: float) -> str:
    """The name of a backup of that moment; names of one cluster sort by time."""
    return f"{cluster}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(moment))}"


def names_in(files: list[str], cluster: str) -> list[str]:
    """The whole backups of a cluster among the files of a store, the newest last."""
    pattern = re.compile(rf"({re.escape(cluster)}-\d{{8}}T\d{{6}}Z){re.escape(NOTE)}")
    found = [match[1] for match in map(pattern.fullmatch, files) if match]
    return sorted(name for name in found if name + SEALED in files)


def parse_note(text: str, place: str) -> Note:
    """Read a note. Raises BackupError naming the place."""
    try:
        entries = dict(json.loads(text))
        if entries.get("format", FORMAT) != FORMAT:
            raise BackupError(
                f"{place} is of format {entries['format']}, and this version reads {FORMAT}; use a newer one"
            )
        return Note(**entries)
    except (ValueError, TypeError) as error:
        raise BackupError(f"{place} is no note of a backup ({error}); take another backup") from error


def digest(path: str) -> str:
    """The SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def check_sealed(path: str, note: Note) -> None:
    """Compare a sealed file with its note. Raises BackupError."""
    size = os.stat(path).st_size
    if size != note.size:
        raise BackupError(
            f"{path} has {size} bytes, and its note says {note.size}: it is truncated or another file; take another backup"
        )
    if digest(path) != note.sha256:
        raise BackupError(
            f"{path} was changed after it was written (its digest is not that of its note); take another backup"
        )


def pack(folder: str, about: dict[str, Any], output: IO[bytes]) -> None:
    """Write a tar of all files below a folder, with their digests and what C(about) says."""
    files = sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())
    contents = {**about, "files": {name: digest(os.path.join(folder, name)) for name in files}}
    Path(folder, CONTENTS).write_text(json.dumps(contents, indent=2), encoding="utf-8")
    with tarfile.open(fileobj=output, mode="w|") as tar:
        for name in [CONTENTS, *files]:
            tar.add(os.path.join(folder, name), name)


@dataclass(frozen=True)
class Contents:
    """What is in a backup: what it says of itself, and the generations of secrets as texts by their file names."""

    about: dict[str, Any]
    secrets: dict[str, str]


def read(source: BinaryIO, folder: str = "") -> Contents:
    """Read a tar and check each file; C(folder) is where they are written. Raises BackupError."""
    found: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                reading = tar.extractfile(member)
                inside = not member.name.startswith("/") and ".." not in Path(member.name).parts
                if reading is None or not member.isreg() or member.issparse() or not inside or member.name in found:
                    raise BackupError(f"the backup has {member.name!r}, which is no plain file of a backup")
                sha256 = hashlib.sha256()
                with _writing(folder, member.name) as file:
                    while block := reading.read(BLOCK):
                        sha256.update(block)
                        file.write(block)
                        if member.name.startswith(("secrets/", CONTENTS)):
                            kept[member.name] = kept.get(member.name, b"") + block
                found[member.name] = sha256.hexdigest()
        about: dict[str, Any] = json.loads(kept[CONTENTS])
    except (tarfile.TarError, OSError, ValueError, KeyError) as error:
        raise BackupError(f"the backup holds no archive of this collection ({error})") from error
    found.pop(CONTENTS)
    if found != about.get("files"):
        raise BackupError("the files in the backup are not those it was made of; use another one")
    secrets = {name.partition("/")[2]: text.decode() for name, text in kept.items() if name.startswith("secrets/")}
    return Contents(about, secrets)


def _writing(folder: str, name: str) -> BinaryIO:
    path = Path(folder, name) if folder else Path(os.devnull)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open(os.open(path, os.O_WRONLY | (os.O_CREAT if folder else 0) | (os.O_TRUNC if folder else 0), 0o600), "wb")
