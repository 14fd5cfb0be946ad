# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files, directories and links on a host, brought about atomically."""

from __future__ import annotations

import glob
import grp
import json
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from typing import Any

# The argument specification of an entry, as the documentation fragment `files` describes it.
SPEC: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent", "private"], "default": "file"},
    "content": {"type": "str"},
    "data": {"type": "dict"},
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


def ensure_all(entries: list[dict[str, Any]], check: bool, changes: list[Change]) -> None:
    """Bring entries about in their order and add to C(changes). Raises FileError naming the path at the first fault."""
    for entry in entries:
        try:
            want = desired(entry)
            found = close_all(want, check) if want.state == "private" else [ensure(want, check)]
        except (OSError, FileError) as error:
            raise FileError(f"{entry['path']}: {error}") from error
        changes.extend(change for change in found if change)


def ensure(want: Desired, check: bool) -> Change | None:
    """Make the host have what is desired; returns what had to change, or None. C(check) changes nothing."""
    before = describe(want.path)
    after = _description(want)
    if want.state == "absent" and os.path.ismount(want.path) and not os.listdir(want.path):
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
    for path in sorted(glob.glob(pattern, recursive=True)):
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
    partial = f"{want.path}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(want.content)
            handle.flush()
            os.fsync(handle.fileno())
        _own(partial, want)
        os.replace(partial, want.path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise


def _make_directory(want: Desired) -> None:
    os.makedirs(want.path, exist_ok=True)
    _own(want.path, want)


def _link(want: Desired) -> None:
    partial = f"{want.path}.partial"
    if os.path.lexists(partial):
        os.unlink(partial)
    os.symlink(want.target, partial)
    os.replace(partial, want.path)


def _remove(want: Desired) -> None:
    if os.path.ismount(want.path):
        # A data volume stays, empty.
        for name in os.listdir(want.path):
            inner = os.path.join(want.path, name)
            shutil.rmtree(inner) if os.path.isdir(inner) and not os.path.islink(inner) else os.unlink(inner)
    elif os.path.isdir(want.path) and not os.path.islink(want.path):
        shutil.rmtree(want.path)
    else:
        os.unlink(want.path)


def _own(path: str, want: Desired) -> None:
    try:
        owner, group = pwd.getpwnam(want.owner).pw_uid, grp.getgrnam(want.group).gr_gid
    except KeyError as error:
        raise FileError(f"there is no account for the owner or group ({error})") from error
    os.chown(path, owner, group)
    if want.mode is not None:
        os.chmod(path, want.mode)


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
