# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore decides on the controller: which backup, whether it may, and the secrets that the cluster goes on with."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ansible_collections.keelson.cluster.plugins.module_utils.backup import archive
from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import NOTE, SEALED, BackupError, Note
from ansible_collections.keelson.cluster.plugins.module_utils.backup.targets import open_target
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import StoreError, parse

from .. import age

NOTHING = "Nothing was changed."


@dataclass(frozen=True)
class Plan:
    """The restore to do: its id, the backup's name, and the generation of secrets; C(begun) where its files lie on a manager."""

    restore: str
    backup: str
    generation: int
    payload: dict[str, Any]
    begun: str = ""


def fetch(given: Mapping[str, Any], folder: str) -> tuple[str, Note]:
    """Where the sealed file lies, and its note; both are brought to C(folder) from a store. Raises BackupError."""
    if given["file"]:
        sealed = given["file"]
        if not sealed.endswith(SEALED):
            raise BackupError(f"{sealed} is no backup: give the file NAME{SEALED}")
        note = sealed.removesuffix(SEALED) + NOTE
    else:
        if not given["target"]:
            raise BackupError("there is no backup to restore: give restore_file, or set cluster_backup")
        target = open_target(given["target"])
        names = archive.names_in(target.names(), given["cluster"])
        name = given["name"] or (names[-1] if names else "")
        if name not in names:
            listed = ", ".join(names[-5:]) or "none"
            raise BackupError(f"the store has no backup {name or 'of this cluster'}; its newest are: {listed}")
        sealed, note = (os.path.join(folder, name + ending) for ending in (SEALED, NOTE))
        for path in (sealed, note):
            target.get(os.path.basename(path), path)
    try:
        text = Path(note).read_text(encoding="utf-8", errors="replace")
        with open(sealed, "rb"):
            pass
    except OSError as error:
        raise BackupError(
            f"{error.filename}: {error.strerror}; a backup is NAME{SEALED} with its note NAME{NOTE} beside it"
        ) from error
    return sealed, archive.parse_note(text, note)


def check(note: Note | Mapping[str, Any], cluster: str, engine: str, place: str) -> None:
    """Refuse a backup of something else. Raises BackupError."""
    about = note if isinstance(note, Mapping) else vars(note)
    if (about.get("cluster"), about.get("engine")) != (cluster, engine):
        raise BackupError(
            f"{place} is a backup of the cluster {about.get('cluster')} ({about.get('engine')}), and this is {cluster} ({engine}); "
            "choose the other cluster, or another backup"
        )


def open_backup(given: Mapping[str, Any], identity: str) -> tuple[archive.Contents, BinaryIO]:
    """Read and check all of a backup; returns what it holds, and its tar as a file without a name. Raises BackupError, AgeError."""
    keys = age.identities(identity, given["identity"])
    with tempfile.TemporaryDirectory() as folder:
        sealed, note = fetch(given, folder)
        check(note, given["cluster"], given["engine"], sealed)
        archive.check_sealed(sealed, note)
        opened = tempfile.TemporaryFile()  # noqa: SIM115 (the caller's: it goes with the process, however that ends)
        with open(sealed, "rb") as source:
            age.decrypt(source, keys, opened, sealed)
    opened.seek(0)
    contents = archive.read(opened)
    check(contents.about, given["cluster"], given["engine"], sealed)
    opened.flush()
    return contents, opened


def newest_secrets(contents: archive.Contents) -> tuple[int, dict[str, Any]]:
    """The newest generation in a backup. Raises BackupError."""
    name = f"{contents.about['generation']:06d}.json"
    try:
        found = parse(contents.secrets[name], name)
    except (KeyError, StoreError) as error:
        raise BackupError(f"the backup lacks the secrets of its generation ({error}); use another one") from error
    return found.number, found.payload


def plan(
    contents: archive.Contents,
    held: Mapping[str, Mapping[str, Any]],
    restored: Callable[[dict[str, Any]], dict[str, Any]],
) -> Plan:
    """What to do: to go on where a run was cut off, or to begin. C(held) is what each manager that answers holds.

    Raises BackupError.
    """
    name = contents.about["name"]
    number, payload = newest_secrets(contents)
    top = max((read["generation"] for read in held.values()), default=0)
    for manager, read in held.items():
        current = read["payload"].get("restore", {})
        if read["pending"] and read["generation"] == top and current == {"id": read["pending"], "backup": name}:
            return Plan(current["id"], name, top, dict(read["payload"]), manager)
    restore = secrets.token_hex(8)
    made = {**restored(json.loads(json.dumps(payload))), "restore": {"id": restore, "backup": name}}
    return Plan(restore, name, max(top, number) + 1, made)


def foretell(contents: archive.Contents, size: int, decided: Plan, managers: list[str], on: str) -> str:
    """What a run would do, in one sentence."""
    about, moment = contents.about, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(contents.about["created"]))
    return (
        f"{about['cluster']} would {'go on to be' if decided.begun else 'be'} restored from {decided.backup}, a backup of "
        f"{about['cluster']} ({about['engine']}) that {about['host']} took at {moment}, {size / (1 << 20):.1f} MiB unpacked, "
        f"onto {', '.join(managers)}; {on} loads it."
    )


def refuse_well(well: list[str], confirm: str, cluster: str, backup: str) -> None:
    """Refuse to take a cluster that is well back to an older state. Raises BackupError."""
    if well and confirm != cluster:
        raise BackupError(
            f"{cluster} is well: {', '.join(well)} can speak for it. A restore takes away everything that came after {backup}. "
            f"{NOTHING} To go on, add -e restore_confirm={cluster}"
        )
