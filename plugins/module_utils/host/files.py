# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files, directories and links on a host, written atomically and recorded before."""

from __future__ import annotations

import contextlib
import glob
import grp
import json
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import atomic, trees
from . import receipts as host_receipts
from .receipts import PATH, Entry, Receipts

# The argument specification of an entry, as the documentation fragment `files` describes it.
SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent", "private"], "default": "file"},
    "content": {"type": "str"},
    "data": {"type": "dict"},
    "merge": {"type": "bool", "default": False},
    "target": {"type": "path"},
    "mode": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "secret": {"type": "bool", "default": False, "no_log": False},
}


class FileError(Exception):
    """The desired file is not well described or cannot be had."""


@dataclass(frozen=True)
class Desired:
    """What shall be at C(path); C(mode) is None where it does not matter."""

    path: str
    state: str
    content: str
    target: str
    mode: int | None
    owner: str
    group: str
    secret: bool


@dataclass(frozen=True)
class Change:
    """What was changed, with its diff in the form Ansible shows."""

    path: str
    diff: dict[str, str]


def desired(entry: dict[str, Any]) -> Desired:
    """Read one entry of the module's list. Raises FileError when it contradicts itself."""
    state = entry["state"]
    if state == "file" and (entry["content"] is None) == (entry["data"] is None):
        raise FileError("a file needs either content or data")
    if state == "link" and not entry["target"]:
        raise FileError("a link needs a target")
    content = entry["content"] or ""
    if entry["data"] is not None:
        content = json.dumps(entry["data"], indent=2, sort_keys=True) + "\n"
    mode = int(entry["mode"], 8) if entry["mode"] else None
    if mode is None and state in ("file", "directory"):
        raise FileError(f"a {state} needs a mode")
    return Desired(
        entry["path"], state, content, entry["target"] or "", mode, entry["owner"], entry["group"], entry["secret"]
    )


def ensure_all(entries: list[dict[str, Any]], check: bool, changes: list[Change], receipts: Receipts) -> None:
    """Write entries in their order and add to C(changes). Raises FileError naming the path at the first fault."""
    wants: list[Desired] = []
    notes: list[Entry] = []
    for entry in entries:
        with _named(entry["path"]):
            wants.append(desired(_merged(entry, receipts)))
            notes += recorded(wants[-1], receipts)
    if not check:
        receipts.record(notes)
    for want in wants:
        with _named(want.path):
            found = close_all(want, check) if want.state == "private" else [ensure(want, check)]
        changes.extend(change for change in found if change)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, FileError, trees.TreeError) as error:
        raise FileError(f"{path}: {error}") from error


def _merged(entry: dict[str, Any], receipts: Receipts) -> dict[str, Any]:
    """The entry with its data laid over those of the file that was there before the component came, where it asks so."""
    if not entry.get("merge"):
        return entry
    known = receipts.all_of(PATH).get(entry["path"])
    original = host_receipts.content(known["before"] if known else host_receipts.present(entry["path"]))
    try:
        before = json.loads(original or b"{}")
    except ValueError as error:
        raise FileError(f"is no JSON and cannot be merged ({error}); correct it or move it away") from error
    if not isinstance(before, dict):
        raise FileError("is no JSON object and cannot be merged; correct it or move it away")
    return {**entry, "data": _over(before, entry["data"])}


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: _over(below[key], above[key]) for key in above if _dicts(below.get(key), above[key])}
    return {**below, **above, **both}


def _dicts(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def recorded(want: Desired, receipts: Receipts) -> Iterator[Entry]:
    """What the receipts must have before this is written: nothing for what is right already and nobody's of ours."""
    if want.state in ("absent", "private"):
        return
    yield from host_receipts.missing_parents(want.path, receipts)
    if describe(want.path) != _description(want) or receipts.others(PATH, want.path):
        yield Entry(PATH, want.path, host_receipts.present(want.path), _identity(want))


def _identity(want: Desired) -> str:
    if want.state == "link":
        return f"link {want.target}"
    return host_receipts.DIRECTORY if want.state == "directory" else host_receipts.digest(want.content.encode())


def ensure(want: Desired, check: bool) -> Change | None:
    """Make the host have what is desired; returns what had to change, or None. C(check) changes nothing."""
    before = describe(want.path)
    after = _description(want)
    if want.state == "absent" and trees.is_mount_point(want.path) and not os.listdir(want.path):
        return None
    if before == after:
        return None
    if not check:
        {"file": _write, "directory": _make_directory, "link": _link, "absent": _remove}[want.state](want)
    shown_before, shown_after = (before, after) if not want.secret else ("(secret)\n", "(secret)\n")
    return Change(
        want.path,
        {
            "before_header": want.path,
            "after_header": want.path,
            "before": shown_before,
            "after": shown_after,
        },
    )


def exposed(pattern: str, owner: str) -> dict[str, int]:
    """The files of a pattern (** goes down folders) that more than root and C(owner) may use, each with the mode it should have."""
    try:
        known = pwd.getpwnam(owner)
    except KeyError:
        known = pwd.getpwuid(0)
    found = {}
    for path in filter(os.path.lexists, sorted(glob.glob(pattern, recursive=True))):
        status = os.lstat(path)
        mode = stat.S_IMODE(status.st_mode) & ~0o007
        if status.st_gid not in (0, known.pw_gid):
            mode &= ~0o070
        ours = status.st_uid in (0, known.pw_uid)
        if stat.S_ISREG(status.st_mode) and not (ours and mode == stat.S_IMODE(status.st_mode)):
            found[path] = mode
    return found


def close_all(want: Desired, check: bool) -> list[Change | None]:
    """Take away what others may do with the files of a pattern."""
    changes: list[Change | None] = []
    for path, mode in exposed(want.path, want.owner).items():
        before = describe(path).partition("\n")[0]
        if not check:
            os.chmod(path, mode)
            shutil.chown(path, want.owner)
        changes.append(Change(path, {"before": f"{before}\n", "after": f"file {mode:04o} {want.owner}\n"}))
    return changes


def describe(path: str) -> str:
    """What is at C(path), in the words of a diff."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "absent\n"
    if stat.S_ISLNK(status.st_mode):
        return f"link to {os.readlink(path)}\n"
    head = f"{stat.S_IMODE(status.st_mode):04o} {_user(status.st_uid)} {_group(status.st_gid)}\n"
    if stat.S_ISDIR(status.st_mode):
        return f"directory {head}"
    with open(path, encoding="utf-8", errors="replace") as handle:
        return f"file {head}{handle.read()}"


def _description(want: Desired) -> str:
    if want.state == "absent":
        return "absent\n"
    if want.state == "link":
        return f"link to {want.target}\n"
    head = f"{want.state} {want.mode:04o} {want.owner} {want.group}\n"
    return head if want.state == "directory" else head + want.content


def _write(want: Desired) -> None:
    atomic.write(want.path, want.content, 0o600 if want.mode is None else want.mode, _owner(want))


def _make_directory(want: Desired) -> None:
    owner = _owner(want)
    os.makedirs(want.path, exist_ok=True)
    os.chown(want.path, *owner)
    if want.mode is not None:
        os.chmod(want.path, want.mode)


def _link(want: Desired) -> None:
    atomic.link(want.path, want.target)


def _remove(want: Desired) -> None:
    trees.remove(want.path)


def _owner(want: Desired) -> tuple[int, int]:
    """The numbers of its owner and group. Raises FileError."""
    try:
        return pwd.getpwnam(want.owner).pw_uid, grp.getgrnam(want.group).gr_gid
    except KeyError as error:
        raise FileError(f"there is no account for the owner or group ({error})") from error


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
