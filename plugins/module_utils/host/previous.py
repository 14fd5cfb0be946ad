# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restart replaced on this host, kept so that it can be put back. Standard library only."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Iterable
from typing import Any

from . import atomic
from . import units as service_units

KEPT = "/run/keelson/previous.json"


def begin() -> None:
    """Forget what an earlier restart replaced."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(KEPT)


def keep(paths: Iterable[str], units: Iterable[str] = ()) -> None:
    """Keep files as they are now, but for those that are kept already, and the units that read them."""
    kept = _read()
    kept["files"] = {**{path: _look(path) for path in paths}, **kept["files"]}
    kept["units"] = list(dict.fromkeys([*kept["units"], *units]))
    os.makedirs(os.path.dirname(KEPT), exist_ok=True)
    atomic.write(KEPT, json.dumps(kept))


def restore() -> list[str]:
    """Put all that is kept back and restart its units; returns what is still wrong."""
    kept = _read()
    for path, before in kept["files"].items():
        if before != _look(path):
            _put_back(path, before)
    if not kept["units"]:
        return []
    faults = [service_units.carry_out(service_units.Unit(kept["units"][0]), "daemon-reload")]
    faults += [service_units.restart(service_units.Unit(name)) for name in kept["units"]]
    return [fault for fault in faults if fault]


def bring_back(paths: Iterable[str]) -> None:
    """Put back those that are gone, of what a restart had kept when it was cut off."""
    kept = _read()["files"]
    for path in paths:
        if kept.get(path) and not os.path.lexists(path):
            _put_back(path, kept[path])


def _read() -> dict[str, Any]:
    try:
        with open(KEPT, encoding="ascii") as file:
            found: dict[str, Any] = json.load(file)
            return found
    except (OSError, ValueError):
        return {"files": {}, "units": []}


def _look(path: str) -> dict[str, Any] | None:
    """A file or a link as it is, None where there is nothing, {} for a directory, which is left as it is."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if os.path.islink(path):
        return {"link": os.readlink(path)}
    if os.path.isdir(path):
        return {}
    with open(path, "rb") as file:
        content = base64.b64encode(file.read()).decode("ascii")
    return {"content": content, "mode": status.st_mode & 0o7777, "user": status.st_uid, "group": status.st_gid}


def _put_back(path: str, before: dict[str, Any] | None) -> None:
    if before == {} or (before is None and os.path.isdir(path)):
        return
    if before is None:
        os.unlink(path)
        return
    if "content" in before:
        content = base64.b64decode(before["content"])
        atomic.write(path, content, before["mode"], (before["user"], before["group"]))
        return
    atomic.link(path, before["link"])
