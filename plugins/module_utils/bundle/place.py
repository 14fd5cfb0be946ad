# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side: compare what lies there with what a bundle's entries ask for, and bring it there.

Runs on the host with the standard library only. Below the root (``/opt/keelson``) every version of an artifact is a
folder of its own with a receipt, and ``NAME/current`` is the one link that says which is used.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

RECEIPT = ".keelson.json"
#: Bytes that must stay free beside what is placed, so that the host's own services go on writing.
RESERVE = 64 << 20

Entry = dict[str, Any]


class PlaceError(Exception):
    """Ends the task: its text names the host's path and the cure; the host is as it was."""


class Step(NamedTuple):
    """What is to be done for one artifact."""

    entry: Entry
    before: str | None
    missing: list[dict[str, Any]]
    links: dict[str, str]

    @property
    def needed(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.missing or self.links)


def folder(root: str, entry: Entry) -> str:
    """Where an artifact's version lies."""
    return os.path.join(root, entry["name"], entry["version"])


def receipt(path: str) -> dict[str, Any]:
    """The receipt of a placed version; empty when there is none or it is broken."""
    try:
        with open(os.path.join(path, RECEIPT)) as reading:
            found = json.load(reading)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def stamp(path: str) -> list[int]:
    """What changes whenever a file's contents may have: size, inode, times of contents and of inode (ns)."""
    status = os.stat(path)
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def digest(path: str) -> str:
    """Digest of a file, as ``sha256:HEX``."""
    found = hashlib.sha256()
    with open(path, "rb") as reading:
        for chunk in iter(lambda: reading.read(1 << 20), b""):
            found.update(chunk)
    return "sha256:" + found.hexdigest()


def is_right(path: str, wanted: dict[str, Any], stamps: dict[str, list[int]]) -> bool:
    """Whether a placed file is what is wanted; its contents are read only when its stamp is not the noted one."""
    try:
        if os.path.islink(path) or (os.stat(path).st_mode & 0o7777) != int(wanted["mode"], 8):
            return False
        if os.stat(path).st_size != wanted["size"]:
            return False
        return stamps.get(wanted["digest"] + wanted["path"]) == stamp(path) or digest(path) == wanted["digest"]
    except FileNotFoundError:
        return False


def plan(root: str, entry: Entry) -> Step:
    """Compare one artifact with the host."""
    here = folder(root, entry)
    stamps = receipt(here).get("stamps", {})
    missing = [item for item in entry["files"] if not is_right(os.path.join(here, item["path"]), item, stamps)]
    links = {}
    if entry["files"]:
        current = os.path.join(root, entry["name"], "current")
        wanted = {current: entry["version"]}
        for link, target in entry["links"].items():
            wanted[link] = os.path.join(current, target)
        links = {link: target for link, target in wanted.items() if _link(link) != target}
    return Step(entry, used(root, entry["name"]), missing, links)


def used(root: str, name: str) -> str | None:
    """The version an artifact's link leads to, None when there is none."""
    return _link(os.path.join(root, name, "current"))


def _link(path: str) -> str | None:
    """Where a link leads, None when nothing is there; anything else there belongs to somebody else."""
    if os.path.islink(path):
        return os.readlink(path)
    if os.path.lexists(path):
        raise PlaceError(f"{path} is not a link of ours: move it away, then run again")
    return None


def check_space(needs: Iterable[tuple[str, int]]) -> None:
    """Raise PlaceError when a file system lacks room; ``needs`` are folders with the bytes to be written there."""
    devices: dict[int, list[Any]] = {}
    for path, size in needs:
        devices.setdefault(os.stat(path).st_dev, [path, 0])[1] += size
    for path, size in devices.values():
        free = shutil.disk_usage(path).free
        if size and free < size + RESERVE:
            raise PlaceError(no_room(path, size + RESERVE, free))


def no_room(path: str, needed: int, free: int) -> str:
    """The one message of a full disk."""
    return (
        f"{path}: not enough space: needs {needed} bytes, {free} are free; nothing was changed, free some and run again"
    )


def place(root: str, step: Step, staged: str) -> None:
    """Bring one artifact's version into place: files first, aside and synced, then the links that make it used.

    ``staged`` holds the verified blobs by digest (hex). A new version appears whole by one rename; a damaged one is
    mended file by file, each by one rename.
    """
    entry = step.entry
    here = folder(root, entry)
    parent = os.path.dirname(here)
    if entry["files"]:
        os.makedirs(parent, mode=0o755, exist_ok=True)
        _clean(parent)
        fresh = not os.path.isdir(here)
        building = tempfile.mkdtemp(prefix=".new-", dir=parent)
        try:
            os.chmod(building, 0o755)
            _fill(building, step.missing, staged)
            if fresh:
                _write_receipt(building, entry)
                _sync(building)
                os.rename(building, here)
            else:
                for item in step.missing:
                    target = os.path.join(here, item["path"])
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    os.rename(os.path.join(building, item["path"]), target)
                _write_receipt(here, entry)
            _sync(parent)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            needed = sum(item["size"] for item in step.missing)
            raise PlaceError(no_room(parent, needed, shutil.disk_usage(parent).free)) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
    # The link that chooses the version comes last: what it leads to is complete.
    for link, target in sorted(step.links.items(), key=lambda item: item[0].endswith("/current")):
        _switch(link, target)


def _fill(building: str, missing: list[dict[str, Any]], staged: str) -> None:
    for item in missing:
        source = os.path.join(staged, item["digest"].split(":")[1])
        if not os.path.isfile(source) or digest(source) != item["digest"]:
            raise PlaceError(f"{item['path']}: wrong digest after the transfer; nothing was changed, run again")
        target = os.path.join(building, item["path"])
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(source, target)
        os.chown(target, os.geteuid(), os.getegid())
        os.chmod(target, int(item["mode"], 8))
        _sync(target)


def _write_receipt(where: str, entry: Entry) -> None:
    stamps = {item["digest"] + item["path"]: stamp(os.path.join(where, item["path"])) for item in entry["files"]}
    path = os.path.join(where, RECEIPT)
    with open(path + ".new", "w") as writing:
        json.dump({"entry": entry, "stamps": stamps}, writing, sort_keys=True)
        writing.flush()
        os.fsync(writing.fileno())
    os.rename(path + ".new", path)


def _switch(link: str, target: str) -> None:
    os.makedirs(os.path.dirname(link), mode=0o755, exist_ok=True)
    beside = f"{link}.keelson-new"
    if os.path.islink(beside):
        os.unlink(beside)
    os.symlink(target, beside)
    os.rename(beside, link)
    _sync(os.path.dirname(link))


def _clean(parent: str) -> None:
    """Remove what a run that was cut off left."""
    for name in os.listdir(parent):
        if name.startswith(".new-"):
            shutil.rmtree(os.path.join(parent, name), ignore_errors=True)


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def versions(root: str, name: str) -> Iterator[str]:
    """Versions of an artifact that lie on the host, complete ones only."""
    parent = os.path.join(root, name)
    for version in sorted(os.listdir(parent)) if os.path.isdir(parent) else []:
        if version != "current" and receipt(os.path.join(parent, version)):
            yield version
