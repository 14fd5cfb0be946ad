# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the backups of a cluster on its managers, started by a timer or by the playbook backup. Standard library only.

usage: python3 -m utils.backup.program timer|now|list|status CLUSTER

What each component saves is in the module C(backup) of its folder: C(save(cluster, folder)); that of an engine also says which
manager does it (C(leads)) and keeps what came of it where all managers see it (C(record), C(recorded)).
"""

from __future__ import annotations

import fcntl
import http.client
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..cluster.remote import ApiError
from ..cluster.secret_store import StoreError, directory, read_current
from .archive import NOTE, SEALED, BackupError, Note, digest, name_of, names_in, pack, parse_note
from .targets import Target, open_target

SETTINGS = "/etc/keelson/{cluster}/backup.json"
SPOOL = "/var/lib/keelson/backup"
AGE = "/usr/local/bin/age"
FAULTS = (BackupError, ApiError, OSError, http.client.HTTPException, subprocess.SubprocessError)


@dataclass(frozen=True)
class Settings:
    """What the role has written down. C(components) are those that save something, the engine first."""

    cluster: str
    components: list[str]
    recipients: list[str]
    target: dict[str, Any]
    keep: int
    hours: float

    @property
    def engine(self) -> Any:
        """The engine's module."""
        return module_of(self.components[0])


def module_of(component: str) -> Any:
    """How a component is saved."""
    return importlib.import_module(f"..{component}.backup", __package__)


def read_settings(cluster: str) -> Settings:
    """Read the settings of a cluster on this manager. Raises BackupError."""
    path = SETTINGS.format(cluster=cluster)
    try:
        return Settings(**json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{path} cannot be used ({error}); run the install playbook for this manager") from error


def take(settings: Settings, spool: str = SPOOL) -> Note:
    """Take a backup, keep it, and forget those that are too many. Raises one of FAULTS."""
    os.makedirs(spool, mode=0o700, exist_ok=True)
    lock = os.open(spool, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in os.scandir(spool):  # by a run that was killed
            shutil.rmtree(left.path)
        with tempfile.TemporaryDirectory(dir=spool) as work:
            return _take(settings, work)
    finally:
        os.close(lock)


def _take(settings: Settings, work: str) -> Note:
    try:
        generation = read_current(settings.cluster)
    except StoreError as error:
        raise BackupError(str(error)) from error
    moment = time.time()
    name = name_of(settings.cluster, moment)
    folder = os.path.join(work, "files")
    for component in settings.components:
        place = os.path.join(folder, component)
        os.makedirs(place, mode=0o700)
        module_of(component).save(settings.cluster, place)
    # After what the components save: a generation that they use lies on the managers before its first use.
    shutil.copytree(directory(settings.cluster), os.path.join(folder, "secrets"), ignore=shutil.ignore_patterns(".*"))
    about = {
        "name": name,
        "cluster": settings.cluster,
        "engine": settings.components[0],
        "host": socket.gethostname(),
        "created": moment,
        "generation": generation.number,
    }
    sealed = os.path.join(work, name + SEALED)
    seal(folder, about, settings.recipients, sealed)
    note = Note(**about, size=os.stat(sealed).st_size, sha256=digest(sealed))  # type: ignore[arg-type]
    Path(work, name + NOTE).write_text(note.text(), encoding="utf-8")
    target = open_target(settings.target)
    for ending in (SEALED, NOTE):
        target.put(name + ending, os.path.join(work, name + ending))
    sweep(target, settings)
    return note


def seal(folder: str, about: dict[str, Any], recipients: list[str], path: str) -> None:
    """Pack a folder and encrypt it to the recipients. Raises BackupError, OSError."""
    command = [AGE, "--encrypt", *(part for key in recipients for part in ("--recipient", key)), "--output", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as age:
        if not (age.stdin and age.stderr):
            raise BackupError("age has no pipes")
        try:
            pack(folder, about, age.stdin)
            age.stdin.close()
        except BrokenPipeError:
            pass  # age says why
        told = age.stderr.read().decode(errors="replace")
    if age.returncode:
        raise BackupError(
            f"age ends with {age.returncode}: {' '.join(told.split())[:300]}; see cluster_backup.recipients"
        )


def sweep(target: Target, settings: Settings) -> list[str]:
    """Forget the oldest backups but for C(keep); returns their names."""
    gone = names_in(target.names(), settings.cluster)[: -settings.keep]
    for name in gone:
        for ending in (NOTE, SEALED):
            target.delete(name + ending)
    return gone


def list_all(settings: Settings) -> list[dict[str, Any]]:
    """The notes of all backups in the store, the oldest first. Raises BackupError."""
    target = open_target(settings.target)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names_in(target.names(), settings.cluster):
            path = os.path.join(folder, name)
            target.get(name + NOTE, path)
            found.append(asdict(parse_note(Path(path).read_text(encoding="utf-8"), name + NOTE)))
    return found


def reason(error: Exception) -> str:
    """What went wrong, in one line; of a copy of several files the first fault."""
    of_copies = error.args[0] if isinstance(error, shutil.Error) and error.args else None
    return " ".join(str(of_copies[0][2] if isinstance(of_copies, list) and of_copies else error).split())


def attempt(settings: Settings) -> Note:
    """Take a backup and tell all managers what came of it. Raises one of FAULTS."""
    known = settings.engine.recorded(settings.cluster) or {}
    last = {"host": socket.gethostname(), "time": time.time(), "error": ""}
    try:
        note = take(settings)
    except FAULTS as error:
        last["error"] = reason(error)[:500]
        settings.engine.record(settings.cluster, {**known, "last": last})
        raise
    newest = {"name": note.name, "created": note.created, "size": note.size}
    settings.engine.record(settings.cluster, {"last": last, "newest": newest})
    return note


def answer(text: str) -> None:
    """One line for whoever asked."""
    sys.stdout.write(f"{text}\n")


def main(verb: str, cluster: str) -> int:
    """Do it; prints JSON, or one line to standard error."""
    try:
        settings = read_settings(cluster)
        if verb == "status":
            answer(json.dumps({"hours": settings.hours, "recorded": settings.engine.recorded(cluster) or {}}))
        elif verb == "list":
            answer(json.dumps(list_all(settings)))
        elif verb == "now" or settings.engine.leads(cluster):
            answer(json.dumps(asdict(attempt(settings))))
        else:
            answer("another manager leads and takes the backup")
    except FAULTS as error:
        sys.stderr.write(f"{reason(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:3]))
