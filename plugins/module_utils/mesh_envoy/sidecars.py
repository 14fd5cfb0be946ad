# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the sidecars of a host to the desired state: judged by Envoy first, renamed into place, seen in effect. Standard library only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..host import atomic, units
from ..host.receipts import Receipts
from ..host.settings import Account, Settings
from ..mesh import admin, places
from ..mesh.host import Done, SidecarError, remove, settle, unit_of
from . import discovery, renew, validate

EFFECT = 20.0  # seconds in which a running sidecar must use its new files
PAUSE = 0.1


@dataclass(frozen=True)
class Desired:
    """What shall be on the host: C(sidecars) are the files of each by name; C(files) and C(units) serve all of them."""

    files: list[dict[str, Any]]
    units: list[units.Unit]
    sidecars: Mapping[str, Mapping[str, Mapping[str, Any]]]


def apply(desired: Desired, check: bool, receipts: Receipts) -> Done:
    """Do it. Raises SidecarError, FileError, SettingError, OSError."""
    done = Done()
    due = changed(desired.sidecars)
    for name in due:
        fault = validate.fault(desired.sidecars[name]) if os.path.exists(places.ENVOY) else ""
        if fault:
            raise SidecarError(f"Envoy refuses the configuration of {name}, and the old one stays: {fault}")
    settings = Settings(receipts, check)
    settings.add_accounts([Account(places.account(name), "/nonexistent") for name in desired.sidecars])
    done.settings = settings.changes
    remove(set(desired.sidecars), check, receipts, done)
    entries = [entry for name, files in desired.sidecars.items() for entry in entries_of(name, files)]
    folders = [entry for entry in entries if entry["state"] == "directory"]
    settle([*desired.files, *folders], [], check, done, receipts)
    if not check:
        done.renewed = leaves(desired.sidecars)
    before = {name: _stats(name) for name in due} if not check else {}
    old = _contents(due)
    start = time.monotonic()
    settle(entries, [unit_of(name) for name in desired.sidecars], check, done, receipts)
    if not check:
        for name in due:
            fault = in_effect(lambda name=name: _stats(name), desired.sidecars[name], before[name], start + EFFECT)  # type: ignore[misc]
            if fault:
                put_back(old[name])
                raise SidecarError(
                    f"the sidecar {name} does not take its new configuration, and has its old one again: {fault}"
                )
    done.seconds = round(time.monotonic() - start, 3)
    # The rules last: until its sidecar serves, a service is reached as before.
    settle([], desired.units, check, done, receipts)
    return done


def entries_of(name: str, files: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The folder and the files of a sidecar; what is read first is written last."""
    last = ("rds_", "eds_", "cds.", "lds.", "bootstrap.")
    order = sorted(files, key=lambda file: next(n for n, prefix in enumerate(last) if file.startswith(prefix)))
    folder = f"{places.CONFIG}/{name}"
    common = {"owner": "root", "group": places.account(name), "content": None, "target": None, "secret": False}
    found = [
        {**common, "path": path, "state": "directory", "data": None, "mode": "0750"}
        for path in (folder, f"{places.STATE}/{name}")
    ]
    return [
        *found,
        *(
            {**common, "path": f"{folder}/{file}", "state": "file", "data": files[file], "mode": "0640"}
            for file in order
        ),
    ]


def changed(sidecars: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """The sidecars with a file that is not as it shall be."""
    return [
        name
        for name, files in sidecars.items()
        if any(_read(f"{places.CONFIG}/{name}/{file}") != content for file, content in files.items())
    ]


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _contents(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The files of sidecars as they are."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        folder = f"{places.CONFIG}/{name}"
        found[name] = {}
        for file in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(f"{folder}/{file}", encoding="utf-8") as handle:
                found[name][f"{folder}/{file}"] = handle.read()
    return found


def put_back(old: Mapping[str, str]) -> None:
    """Have files again as they were, renamed into place as Envoy wants it."""
    for path, text in old.items():
        status = os.stat(path)
        atomic.write(path, text, status.st_mode & 0o777, (status.st_uid, status.st_gid))


def leaves(sidecars: Iterable[str]) -> list[str]:
    """Have the leaves that are due; returns the sidecars that got one. Raises SidecarError where one has none then."""
    before = {name: renew.kept(name) for name in sidecars}
    given, fault = places.host(), ""
    try:
        renew.renew(given)
    except OSError as error:
        fault = str(error)
    after = {name: renew.kept(name) for name in before}
    bare = [name for name, found in after.items() if found.end < time.time()]
    if bare:
        raise SidecarError(f"{', '.join(bare)} cannot have a leaf certificate: {fault}")
    if any(one["kind"] == "ingress" and not renew.kept(one["id"], "outside").end for one in given["sidecars"]):
        raise SidecarError(fault)
    return [name for name, found in after.items() if found != before[name]]


def _stats(name: str) -> dict[str, Any]:
    try:
        return admin.stats(name, "(version_text|update_rejected)$")
    except (OSError, ValueError, KeyError):
        return {}


def in_effect(
    stats: Callable[[], Mapping[str, Any]],
    files: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, Any],
    deadline: float,
) -> str:
    """Wait until a sidecar uses its files; returns what is wrong, '' when nothing is."""
    while True:
        found = stats()
        refused = [name for name, count in admin.rejected(found).items() if count > before.get(name, 0)]
        if refused:
            return f"it was rejected ({', '.join(refused)}); see its journal"
        waiting = discovery.unsettled(found, files)
        if found and not waiting:
            return ""
        if time.monotonic() > deadline:
            return f"after {EFFECT:g} s it does not use {', '.join(waiting) or 'anything'}"
        time.sleep(PAUSE)
