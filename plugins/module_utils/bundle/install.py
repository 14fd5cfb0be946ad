# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side: compare what lies there with what a bundle's entries ask for, and bring it there.

Runs on the host with the standard library only. Below the root (``/opt/keelson``) every version of an artifact is a
folder of its own with a receipt, and ``NAME/current`` is the one link that says which is used.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

RECEIPT = ".keelson.json"
CURRENT = "current"  # the link beside the versions of an artifact
ROOT = "/opt/keelson"
#: Bytes that must stay free beside what is placed, so that the host's own services go on writing.
RESERVE = 64 << 20

Entry = dict[str, Any]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~:_-]*")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: Permissions alone: no set-user-ID, set-group-ID or sticky bit, and nothing that others may write.
MODE = re.compile(r"0?[0-7][0145][0145]")
#: Where links to artifacts may lie.
LINKS = ("/usr/local/", "/usr/lib/cni/")


class InstallError(Exception):
    """Ends the task: its text names the host's path and the remedy; the host is as it was."""


def validate(entry: Mapping[str, Any]) -> None:
    """Raise InstallError unless every path of an entry stays where artifacts may be, whoever wrote the index."""
    files = [*entry["files"], *entry["packages"], *([entry["package_list"]] if entry["package_list"] else [])]
    faults = [f"{key} {entry[key]!r}" for key in ("name", "version") if not NAME.fullmatch(entry[key])]
    faults += [f"version {entry['version']!r}"] if entry["version"] == CURRENT else []
    paths = [item["path"] for item in entry["files"]]
    faults += [f"path {path!r} twice" for path in sorted(set(paths)) if paths.count(path) > 1]
    faults += [f"path {RECEIPT!r}"] if RECEIPT in paths else []
    faults += [f"path {item['path']!r}" for item in (*entry["files"], *entry["images"]) if not _inside(item["path"])]
    faults += [
        f"mode {item['mode']!r} of {item['path']}" for item in entry["files"] if not MODE.fullmatch(item["mode"])
    ]
    faults += [f"digest {item['digest']!r}" for item in files if not DIGEST.fullmatch(item["digest"])]
    faults += [f"package {item['name']!r}" for item in entry["packages"] if not NAME.fullmatch(item["name"])]
    for link, target in entry["links"].items():
        if not (link.startswith(LINKS) and _inside(link[1:]) and _inside(target)):
            faults.append(f"link {link!r} to {target!r}")
    if faults:
        raise InstallError(
            f"the bundle's entry {entry['name']!r} is not accepted: {', '.join(faults)}; nothing was changed"
        )


def _inside(path: str) -> bool:
    return (
        path.isprintable() and not path.startswith("/") and all(part not in ("", ".", "..") for part in path.split("/"))
    )


class Step(NamedTuple):
    """What is to be done for one artifact."""

    entry: Entry
    before: str | None
    files: list[dict[str, Any]]
    missing: list[dict[str, Any]]
    links: dict[Path, str]
    unnoted: bool

    @property
    def needed(self) -> bool:
        """Whether anything is to be done that somebody could notice."""
        return bool(self.missing or self.links)


def folder(root: Path, entry: Mapping[str, Any]) -> Path:
    """Where an artifact's version lies."""
    return root.joinpath(entry["name"], entry["version"])


def receipt(place: Path) -> dict[str, Any]:
    """The receipt of a placed version; empty when there is none or it is broken."""
    try:
        found = json.loads((place / RECEIPT).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def stamp(path: Path) -> list[int]:
    """What changes whenever a file's contents may have: size, inode, times of contents and of inode (ns)."""
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def digest(path: Path) -> str:
    """Digest of a file, as ``sha256:HEX``."""
    found = hashlib.sha256()
    with path.open("rb") as reading:
        for chunk in iter(lambda: reading.read(1 << 20), b""):
            found.update(chunk)
    return "sha256:" + found.hexdigest()


def is_right(path: Path, desired: Mapping[str, Any], noted: list[int] | None) -> bool:
    """Whether a placed file is what is desired; its contents are read only when its stamp is not the noted one."""
    if path.is_symlink() or not path.is_file() or path.stat().st_mode & 0o7777 != int(desired["mode"], 8):
        return False
    return path.stat().st_size == desired["size"] and (noted == stamp(path) or digest(path) == desired["digest"])


def plan(root: Path, entry: Entry, unloaded: Collection[str]) -> Step:
    """Compare one artifact with the host; raise InstallError when a link's place is taken by something else.

    Archives of images are on a host only until its runtime has them: those of the images named in ``unloaded``.
    """
    here = folder(root, entry)
    noted = receipt(here)
    digests = {item["path"]: item["digest"] for item in noted.get("entry", {}).get("files", [])}
    # A stamp tells that a file is what was noted; it must be what is desired now, too.
    stamps = {
        item["path"]: noted.get("stamps", {}).get(item["path"])
        for item in entry["files"]
        if digests.get(item["path"]) == item["digest"]
    }
    current = root / entry["name"] / CURRENT
    loaded = {image["path"] for image in entry["images"] if image["name"] not in unloaded}
    files = [item for item in entry["files"] if item["path"] not in loaded]
    missing = [item for item in files if not is_right(here / item["path"], item, stamps.get(item["path"]))]
    desired = {current: entry["version"]} if files else {}
    desired.update({Path(link): str(current / target) for link, target in entry["links"].items()})
    links = {link: target for link, target in desired.items() if leads_to(link) != target}
    unnoted = not missing and any(stamps.get(item["path"]) != stamp(here / item["path"]) for item in files)
    return Step(entry, leads_to(current), files, missing, links, unnoted)


def leads_to(link: Path) -> str | None:
    """Where a link leads, None when nothing is there; anything else there belongs to somebody else."""
    if link.is_symlink():
        return str(link.readlink())
    if link.exists():
        raise InstallError(f"{link} is not a link of ours; nothing was changed, move it away and run again")
    return None


def check_space(needs: Iterable[tuple[Path, int]]) -> None:
    """Raise InstallError when a file system lacks room; ``needs`` are folders with the bytes to be written there."""
    devices: dict[int, tuple[Path, int]] = {}
    for path, size in needs:
        first, sum_before = devices.get(path.stat().st_dev, (path, 0))
        devices[path.stat().st_dev] = (first, sum_before + size)
    for path, size in devices.values():
        if size and shutil.disk_usage(path).free < size + RESERVE:
            raise InstallError(no_room(path, size + RESERVE))


def nearest(path: Path) -> Path:
    """A folder, or the nearest one above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def no_room(path: Path, needed: int) -> str:
    """The one message of a full disk."""
    free = shutil.disk_usage(path).free
    return f"{path}: not enough space: needs {needed} bytes, has {free}; nothing was changed, free some and run again"


def place(root: Path, step: Step, staged: Path) -> None:
    """Bring one artifact's version into place: files first, aside and synced, then the links that make it used.

    ``staged`` holds the blobs by digest (hexadecimal). A new version appears whole by one rename; a damaged one is
    repaired file by file, each by one rename. Raise InstallError on a wrong digest or a full disk, with nothing left.
    """
    here = folder(root, step.entry)
    if step.missing:
        here.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for left in here.parent.glob(".new-*"):  # by a run that was cut off
            shutil.rmtree(left)
        building = Path(tempfile.mkdtemp(prefix=".new-", dir=here.parent))
        try:
            _build(building, step, staged)
            if here.is_dir():
                _repair(here, building, step)
            else:
                building.rename(here)
            _sync(here.parent)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            shutil.rmtree(building, ignore_errors=True)
            raise InstallError(no_room(here.parent, sum(item["size"] for item in step.missing))) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
            with contextlib.suppress(OSError):  # goes only when nothing was placed and it is empty
                here.parent.rmdir()
    # The link that chooses the version comes first, so that those which lead through it never lead nowhere.
    for link in sorted(step.links, key=lambda path: path.name != CURRENT):
        lead(link, step.links[link])


def note(where: Path, entry: Entry) -> None:
    """Write the receipt: the entry, and the stamps by which the next run knows the files without reading them."""
    stamps = {item["path"]: stamp(where / item["path"]) for item in entry["files"] if (where / item["path"]).is_file()}
    beside = where / f"{RECEIPT}.new"
    with beside.open("w") as writing:
        json.dump({"entry": entry, "stamps": stamps}, writing, sort_keys=True)
        writing.flush()
        os.fsync(writing.fileno())
    beside.rename(where / RECEIPT)


def _build(building: Path, step: Step, staged: Path) -> None:
    building.chmod(0o755)
    placed: dict[str, Path] = {}
    for item in step.missing:
        # One program may bear several names; its blob came once.
        source = placed.get(item["digest"], staged / item["digest"].split(":")[1])
        if not source.is_file() or digest(source) != item["digest"]:
            raise InstallError(f"{item['path']}: wrong digest after the transfer; nothing was changed, run again")
        target = building / item["path"]
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            if source in placed.values():
                shutil.copyfile(source, target)
            else:
                source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(source, target)
        placed[item["digest"]] = target
        os.chown(target, os.geteuid(), os.getegid())
        target.chmod(int(item["mode"], 8))
        _sync(target)
    if len(step.missing) == len(step.files):
        note(building, step.entry)
    _sync(building)


def _repair(here: Path, building: Path, step: Step) -> None:
    for item in step.missing:
        target = here / item["path"]
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        (building / item["path"]).rename(target)
    note(here, step.entry)


def lead(link: Path, target: str) -> None:
    """Lead a link there, in one step for all who follow it."""
    link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    beside = link.with_name(f".{link.name}.keelson-new")
    if beside.is_symlink():
        beside.unlink()
    beside.symlink_to(target)
    beside.rename(link)
    _sync(link.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def in_use(root: Path = Path(ROOT)) -> dict[str, str]:
    """The version that each artifact's link leads to."""
    links = (path for path in sorted(root.glob("*/current")) if path.is_symlink())
    return {link.parent.name: str(link.readlink()) for link in links}


def made_of(root: Path = Path(ROOT)) -> dict[str, str]:
    """The artifacts in use, each as ``VERSION sha256:HEX``: the digest of its files' and packages' digests."""
    return {name: f"{version} {_identity(receipt(root / name / version))}" for name, version in in_use(root).items()}


def _identity(noted: Mapping[str, Any]) -> str:
    """The digest of what a receipt says was placed."""
    if "entry" not in noted:
        return "without a receipt"
    entry = noted["entry"]
    placed = sorted(
        [item.get("path") or item["name"], item["digest"]] for item in (*entry["files"], *entry["packages"])
    )
    return "sha256:" + hashlib.sha256(json.dumps(placed).encode()).hexdigest()


def versions(root: Path, name: str) -> Iterator[str]:
    """Complete versions of an artifact that lie on the host."""
    for path in sorted((root / name).glob("*/" + RECEIPT)):
        if path.parent.name != CURRENT:
            yield path.parent.name
