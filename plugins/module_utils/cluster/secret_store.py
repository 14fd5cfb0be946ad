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
_NAME = re.compile(r"^(\d{6})\.json$")


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


def read_newest(cluster: str, store: str = STORE) -> tuple[Generation | None, list[str]]:
    """The newest complete generation on this host, and what is wrong with newer ones."""
    folder = directory(cluster, store)
    try:
        names = sorted((name for name in os.listdir(folder) if _NAME.match(name)), reverse=True)
    except FileNotFoundError:
        return None, []
    broken: list[str] = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as handle:
                return parse(handle.read(), path), broken
        except StoreError as error:
            broken.append(str(error))
    return None, broken


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
    """What one manager said of its newest generation; C(number) 0 means it has none."""

    host: str
    number: int
    digest: str
    broken: tuple[str, ...] = ()


def newest(copies: list[Copy], describe: dict[str, str]) -> Copy | None:
    """The copy to go on with: of the highest number, the same on every manager that has it.

    C(describe) gives, by host, words that tell the copies apart (the fingerprint of the CA). Raises StoreError when
    two managers hold different secrets under one number, or when a manager has only broken ones and none is whole.
    """
    held = [copy for copy in copies if copy.number]
    if not held:
        broken = [f"{copy.host}: {fault}" for copy in copies for fault in copy.broken]
        if broken:
            raise StoreError(
                "No manager has a complete generation of the cluster's secrets. "
                + "; ".join(broken)
                + ". Restore the file from a backup; making new secrets would lock the running cluster out."
            )
        return None
    number = max(copy.number for copy in held)
    candidates = [copy for copy in held if copy.number == number]
    if len({copy.digest for copy in candidates}) > 1:
        seen = ", ".join(f"{copy.host} has {describe.get(copy.host, copy.digest[:12])}" for copy in candidates)
        raise StoreError(
            f"The managers hold different secrets under generation {number}: {seen}. They belong to different "
            f"clusters. Find out which manager is of another cluster (preflight tells what runs on it), then take it out of "
            f"the inventory or uninstall the foreign cluster on it."
        )
    return candidates[0]
