# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's secrets as numbered generations, one root-only file each, below C(/etc/keelson/<cluster>/secrets).

A generation is a JSON document C({"generation": N, "digest": "...", "payload": {...}}). It is written beside its
place and linked there, so that a reader sees all of it or nothing and a number is never given twice; the digest tells a
file that a broken disk changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from typing import Any

STORE = "/etc/keelson"
_NAME = re.compile(r"([0-9]{6})\.json")


class StoreError(Exception):
    """The store of a manager cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class Generation:
    """One complete generation."""

    number: int
    digest: str
    payload: dict[str, Any]


def directory(cluster: str, store: str = STORE) -> str:
    """Where the generations of C(cluster) lie."""
    return os.path.join(store, cluster, "secrets")


def digest_of(number: int, payload: dict[str, Any]) -> str:
    """The digest that two equal generations share, whatever wrote them."""
    return hashlib.sha256(json.dumps([number, payload], sort_keys=True).encode()).hexdigest()


def parse(text: str, path: str) -> Generation:
    """Read one generation. Raises StoreError when it is broken."""
    try:
        document = json.loads(text)
        generation = Generation(int(document["generation"]), str(document["digest"]), dict(document["payload"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is no complete generation of secrets ({error})") from error
    if digest_of(generation.number, generation.payload) != generation.digest:
        raise StoreError(f"{path} was changed after it was written (its digest does not match)")
    return generation


def _numbers(folder: str) -> list[int]:
    """The numbers that files of C(folder) have, complete or not, the newest first."""
    try:
        named = [_NAME.fullmatch(name) for name in os.listdir(folder)]
    except FileNotFoundError:
        return []
    return sorted((int(match[1]) for match in named if match), reverse=True)


def latest(cluster: str, store: str = STORE) -> int:
    """The number of the newest generation on this host, complete or not; 0 when there is none."""
    return next(iter(_numbers(directory(cluster, store))), 0)


def read_newest(cluster: str, store: str = STORE) -> tuple[Generation | None, list[str]]:
    """The newest complete generation on this host, and what is wrong with newer ones."""
    folder = directory(cluster, store)
    broken: list[str] = []
    for number in _numbers(folder):
        path = os.path.join(folder, f"{number:06d}.json")
        try:
            with open(path, encoding="utf-8", errors="replace") as handle:
                found = parse(handle.read(), path)
            if found.number == number:
                return found, broken
            broken.append(f"{path} holds generation {found.number}")
        except StoreError as error:
            broken.append(str(error))
    return None, broken


def read_current(cluster: str, store: str = STORE) -> Generation:
    """The newest generation, for what runs on a manager alone. Raises StoreError when there is none, or when it is broken."""
    found, broken = read_newest(cluster, store)
    if broken or found is None:
        fault = "; ".join(broken) or "this manager has none of the cluster's secrets"
        raise StoreError(f"{fault}; run the install playbook, which brings them from another manager")
    return found


def write(cluster: str, generation: Generation, store: str = STORE) -> None:
    """Write the generation durably, readable by root only. Raises StoreError when there is another one of that number."""
    folder = directory(cluster, store)
    for path in (store, os.path.dirname(folder), folder):
        os.makedirs(path, mode=0o700 if path != store else 0o755, exist_ok=True)
    os.chmod(folder, 0o700)
    os.chmod(os.path.dirname(folder), 0o700)
    target = os.path.join(folder, f"{generation.number:06d}.json")
    document = {"generation": generation.number, "digest": generation.digest, "payload": generation.payload}
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in os.listdir(folder):
            if name.endswith(".partial"):  # of a run that was killed
                os.unlink(os.path.join(folder, name))
        descriptor, partial = tempfile.mkstemp(".partial", ".", folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                json.dump(document, handle)
                handle.flush()
                os.fsync(handle.fileno())
            _place(partial, target, generation)
        finally:
            os.unlink(partial)
        os.fsync(lock)
    finally:
        os.close(lock)


def _place(partial: str, target: str, generation: Generation) -> None:
    try:
        os.link(partial, target)
        return
    except FileExistsError:
        pass
    try:
        with open(target, encoding="utf-8", errors="replace") as handle:
            held = parse(handle.read(), target)
    except StoreError:  # it serves nobody
        os.unlink(target)
        os.link(partial, target)
        return
    if held != generation:
        raise StoreError(
            f"{target} holds other secrets (digest {held.digest[:12]}) than those to be written as generation "
            f"{generation.number} (digest {generation.digest[:12]}): another run made them. Run again to go on with them"
        )


@dataclass(frozen=True)
class Copy:
    """What one manager said of its newest generation; C(number) 0 means it has none. C(latest) counts broken ones too."""

    host: str
    number: int
    digest: str
    broken: tuple[str, ...] = ()
    latest: int = 0


def newest(copies: list[Copy], describe: dict[str, str]) -> Copy | None:
    """The copy to go on with: of the highest number, the same on every manager that has it.

    C(describe) gives, by host, words that tell the copies apart (the fingerprint of the CA). Raises StoreError when
    two managers hold different secrets under one number, or when the newest ones are whole on no manager.
    """
    held = [copy for copy in copies if copy.number]
    number = max((copy.number for copy in held), default=0)
    broken = [f"{copy.host}: {fault}" for copy in copies if copy.latest > number for fault in copy.broken]
    if broken:
        raise StoreError(
            f"No manager that answers has generation {max(copy.latest for copy in copies)} of the cluster's secrets complete. "
            f"{'; '.join(broken)}. Restore the file from a backup; other secrets than those in use would lock the running cluster out."
        )
    if not held:
        return None
    candidates = [copy for copy in held if copy.number == number]
    if len({copy.digest for copy in candidates}) > 1:
        seen = ", ".join(f"{copy.host} has {describe.get(copy.host, copy.digest[:12])}" for copy in candidates)
        raise StoreError(
            f"The managers hold different secrets under generation {number}: {seen}. They belong to different "
            f"clusters. Find out which manager is of another cluster (preflight tells what runs on it), then take it out of "
            f"the inventory or uninstall the foreign cluster on it."
        )
    return candidates[0]
