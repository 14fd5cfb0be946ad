# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each component placed on this host, written down before it is placed, so that exactly that is removed.

One root-only JSON document a component, C(/var/lib/keelson/receipts/<component>.json): C({kind: {key: {"before": ..., "ours":
[...]}}}). C(before) is what was there when the component came, None for nothing; C(ours) identifies what it placed. What two
components placed is in the receipts of both, with the same C(before), and goes with the last of them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from typing import Any, NamedTuple

from . import atomic

FOLDER = "/var/lib/keelson/receipts"
# Kinds of things. A key is a path, a unit, the name of an account, of a parameter …
PATH, UNIT, ACCOUNT, SYSCTL, MODULE, SWAP, IMAGE = "path", "unit", "account", "sysctl", "module", "swap", "image"
INTERFACE, TABLE, CHAIN, COMMENT = "interface", "table", "chain", "comment"
# Identities of things on disk besides the digest of a file and the target of a link.
DIRECTORY, TREE = "directory", "tree"
# Folders that are this collection's alone, whoever made them first.
OWN = ("/etc/keelson", "/opt/keelson", "/usr/local/lib/keelson", "/var/lib/keelson")
KEPT = 4  # of the identities of one thing, the newest: a run may be cut off between the receipt and the change


class Entry(NamedTuple):
    """One thing that is about to be placed."""

    kind: str
    key: str
    before: Any = None
    ours: str = ""


class Receipts:
    """The receipts of one component; C(folder) has those of all."""

    def __init__(self, component: str, folder: str = "") -> None:
        self.component = component
        self._folder = folder or FOLDER
        self._path = os.path.join(self._folder, f"{component}.json")
        self.things = _load(self._path)
        self._others = {
            name: _load(os.path.join(self._folder, f"{name}.json"))
            for name in components(self._folder)
            if name != component
        }

    @property
    def shared(self) -> bool:
        """Whether another component has receipts on this host."""
        return bool(self._others)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """What of a kind this component placed, by key, in the order of placing."""
        return self.things.get(kind, {})

    def others(self, kind: str, key: str) -> list[str]:
        """The other components that placed it too."""
        return [name for name, things in self._others.items() if key in things.get(kind, {})]

    def all_of(self, kind: str, mine: bool = True) -> dict[str, dict[str, Any]]:
        """What of a kind all components placed; without this one where C(mine) is False."""
        found: dict[str, dict[str, Any]] = {}
        for things in [*self._others.values(), *([self.things] if mine else [])]:
            found.update(things.get(kind, {}))
        return found

    def record(self, entries: Iterable[Entry]) -> None:
        """Write down what is about to be placed; what is known keeps its C(before), another component's is taken over."""
        changed = False
        for entry in entries:
            known = self.things.setdefault(entry.kind, {})
            if entry.key not in known:
                owners = self.others(entry.kind, entry.key)
                before = self._others[owners[0]][entry.kind][entry.key]["before"] if owners else entry.before
                known[entry.key], changed = {"before": before, "ours": []}, True
            ours = known[entry.key]["ours"]
            if entry.ours and ours[-1:] != [entry.ours]:
                known[entry.key]["ours"] = [*(name for name in ours if name != entry.ours), entry.ours][-KEPT:]
                changed = True
        if changed:
            _save(self._path, self.things)

    def hand_over(self) -> None:
        """Let components that share a thing know it in the state in which this one left it."""
        for name, things in self._others.items():
            shared = [
                (mine, things[kind][key])
                for kind, keys in self.things.items()
                for key, mine in keys.items()
                if key in things.get(kind, {})
            ]
            for mine, theirs in shared:
                theirs["ours"] = [*(each for each in mine["ours"] if each not in theirs["ours"]), *theirs["ours"]]
            if shared:
                _save(os.path.join(self._folder, f"{name}.json"), things)

    def forget(self) -> None:
        """Delete the receipts of this component, and their folder after the last one's."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        for folder in (self._folder, os.path.dirname(self._folder)):
            with contextlib.suppress(OSError):  # another component's are there
                os.rmdir(folder)


def components(folder: str = "") -> list[str]:
    """The components that have receipts on this host."""
    try:
        names = sorted(os.listdir(folder or FOLDER))
    except OSError:
        return []
    return [name.removesuffix(".json") for name in names if name.endswith(".json")]


def identity(path: str) -> str:
    """What is at a path: the digest of a file, the target of a link, DIRECTORY, '' for nothing."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if stat.S_ISLNK(status.st_mode):
        return f"link {os.readlink(path)}"
    if stat.S_ISDIR(status.st_mode):
        return DIRECTORY
    if not stat.S_ISREG(status.st_mode):
        return "special"
    with open(path, "rb") as file:
        return digest(file.read())


def digest(content: bytes) -> str:
    """The identity of a file with this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def present(path: str) -> dict[str, Any] | None:
    """All that is needed to have it back: a file's content, mode and owner, a link's target; None where nothing is, or what
    is there can be nobody else's."""
    if own(path):
        return None
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(status.st_mode):
        return {"state": "link", "target": os.readlink(path)}
    found = {"mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid}
    if stat.S_ISDIR(status.st_mode):
        return {**found, "state": "directory", "empty": set(os.listdir(path)) <= {"lost+found"}}
    with open(path, "rb") as file:
        return {**found, "state": "file", "content": base64.b64encode(file.read()).decode()}


def own(path: str) -> bool:
    """Whether a path lies in a folder that is this collection's alone."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in OWN)


def content(before: dict[str, Any] | None) -> bytes | None:
    """The content of the file that was there before, None where none was."""
    return base64.b64decode(before["content"]) if before and before["state"] == "file" else None


def parents(path: str) -> list[str]:
    """The directories above a path, the uppermost first."""
    above = os.path.dirname(path)
    return [] if above in ("/", "") else [*parents(above), above]


def missing_parents(path: str, receipts: Receipts) -> list[Entry]:
    """The directories above a path that are made with it, or were with another component's."""
    return [
        Entry(PATH, parent, None, DIRECTORY)
        for parent in parents(path)
        if not os.path.lexists(parent) or own(parent) or receipts.others(PATH, parent)
    ]


def _load(path: str) -> dict[str, dict[str, dict[str, Any]]]:
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, dict[str, dict[str, Any]]] = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise OSError(
            f"{path}: damaged ({error}); restore it from a backup, or delete it and run install again"
        ) from error
    return found


def _save(path: str, things: dict[str, Any]) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    atomic.write(path, json.dumps(things))
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
