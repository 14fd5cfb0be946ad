# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager's half of a restore: what it knows of the cluster's secrets, and the backup's files that lie there until they are used.

Standard library only.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Any

from ..cluster import secret_store
from .archive import read

PLACE = "/etc/keelson/{cluster}/restore"
SENT = "/etc/keelson/{cluster}/restore.tar"  # as it came from the controller
ID = "id"  # the file that is written last


@dataclass(frozen=True)
class Restore:
    """One restore on one manager; C(folder) has the backup's files, or is ''."""

    id: str
    cluster: str
    name: str
    address: str
    folder: str


def pending(cluster: str, place: str = PLACE) -> str:
    """The restore whose files lie here, or ''."""
    try:
        with open(os.path.join(place.format(cluster=cluster), ID), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def marked(path: str, restore: str) -> bool:
    """Whether the mark at a path is that of the restore of this id."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read() == restore
    except FileNotFoundError:
        return False


def unused(base: str) -> str:
    """A free name, BASE-NUMBER, for what was there before a restore."""
    number = 0
    while os.path.exists(f"{base}-{number}"):
        number += 1
    return f"{base}-{number}"


def place(cluster: str, source: str, restore: str, folder: str = PLACE) -> None:
    """Unpack a backup that was sent here, to be used by the restore of that id. Raises BackupError, OSError."""
    target = folder.format(cluster=cluster)
    clear(cluster, folder)
    os.makedirs(target, mode=0o700)
    try:
        with open(source, "rb") as file:
            read(file, target)
    finally:
        os.unlink(source)
    with open(os.path.join(target, ID), "w", encoding="ascii") as writing:
        writing.write(restore)
        writing.flush()
        os.fsync(writing.fileno())


def clear(cluster: str, folder: str = PLACE) -> bool:
    """Remove the files, which hold secrets; tells whether there were any."""
    target = folder.format(cluster=cluster)
    if not os.path.isdir(target):
        return False
    shutil.rmtree(target)
    return True


def held(cluster: str) -> dict[str, Any]:
    """The newest secrets of this manager, and the restore that waits here."""
    newest, broken = secret_store.read_newest(cluster)
    found = {"generation": newest.number, "digest": newest.digest, "payload": newest.payload} if newest else {}
    return {"generation": 0, "digest": "", "payload": {}, **found, "broken": broken, "pending": pending(cluster)}
