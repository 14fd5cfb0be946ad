# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of an image: a plain Debian with a kernel, as one tar that is known by its digest.

It is made by mmdebstrap out of signed packages and kept, so that the next image starts from the very same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...bundle.store import digest_of
from ..errors import ImageError
from .packages import read_packages
from .programs import run
from .spec import BASE, BuildSpec

RECIPE = Path(__file__).resolve().parents[4] / "packer" / "host_node" / "base.json"
DAY = 86400.0
#: With fewer bytes left a disk counts as full.
FULL = 16 << 20


@dataclass(frozen=True)
class Base:
    """A tar with a root file system, its digest (C(sha256:HEX)) and when it was made (seconds since 1970)."""

    path: Path
    digest: str
    made: int


def read_recipe(path: Path = RECIPE) -> dict[str, Any]:
    """What a base is made of: C(suite), C(packages), C(options) for apt and dpkg."""
    recipe: dict[str, Any] = json.loads(path.read_text())
    return recipe


def recipe_digest(recipe: Mapping[str, Any], architecture: str, sources: str) -> str:
    """Twelve hexadecimal digits that change whenever a base would be made otherwise."""
    text = json.dumps([recipe, architecture, sources], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def command(recipe: Mapping[str, Any], architecture: str, sources: Path | None, target: Path) -> list[str]:
    """mmdebstrap's command line; without `sources` (a file as in sources.list(5)) it takes this machine's."""
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=apt",
        f"--architectures={architecture}",
        f"--include={','.join(recipe['packages'])}",
        *(f"--aptopt={option}" for option in recipe["apt"]),
        *(f"--dpkgopt={option}" for option in recipe["dpkg"]),
        "--format=tar",
        recipe["suite"],
        str(target),
        *([str(sources)] if sources else []),
    ]


def used(work: Path, spec: BuildSpec, tell: Callable[[str], None]) -> Base:
    """The base of a build, which the user named or which is made unless it was before; WORK keeps what is known of it."""
    found = given(Path(spec.base), spec.base_digest) if spec.base else _own(spec, tell)
    note = {"digest": found.digest, "made": found.made, "file": found.path.name}
    (work / BASE).write_text(json.dumps(note))
    return found


def _own(spec: BuildSpec, tell: Callable[[str], None]) -> Base:
    folder, recipe = Path(spec.bases), read_recipe()
    sources = Path(spec.sources) if spec.sources else None
    if sources and not sources.is_file():
        raise ImageError(f"{sources}: there is no such file (server_image_apt_sources)")
    name = f"base-{recipe_digest(recipe, spec.architecture, sources.read_text() if sources else '')}"
    folder.mkdir(parents=True, exist_ok=True)
    found = kept(folder, name, spec.base_days, time.time())
    if found:
        return found
    tell(f"making the base {name} (some minutes; it is kept for {spec.base_days:g} days)")
    partial = folder / f".{name}-{os.getpid()}.tar"
    return make(folder, name, command(recipe, spec.architecture, sources, partial), partial)


def given(path: Path, desired: str) -> Base:
    """A base that the user names; raise ImageError unless it has the digest the user expects."""
    if not path.is_file():
        raise ImageError(f"{path}: there is no such base; nothing was built")
    if not desired:
        raise ImageError(f"{path}: a base of your own needs its digest (server_image_base_digest=sha256:...)")
    found = digest_of(path)
    if found != desired:
        raise ImageError(
            f"{path}: the base is {found}, not {desired} as server_image_base_digest says; nothing was built"
        )
    return Base(path, found, int(path.stat().st_mtime))


def kept(folder: Path, name: str, days: float, now: float) -> Base | None:
    """The base made earlier of this recipe, unless it is older than `days`; raise ImageError when it was altered."""
    path, note = folder / f"{name}.tar", folder / f"{name}.json"
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    if not path.is_file() or now - known["made"] > days * DAY:
        return None
    found = digest_of(path)
    if found != known["digest"]:
        raise ImageError(
            f"{path}: the base is {found}, but was {known['digest']} when it was made; remove it and build again"
        )
    return Base(path, found, known["made"])


def make(folder: Path, name: str, argv: Sequence[str], partial: Path) -> Base:
    """Make a base and keep it with a note of its digest; `argv` writes it to `partial`, which is in `folder`."""
    try:
        run(argv)
    except ImageError as error:
        partial.unlink(missing_ok=True)
        raise ImageError(f"the base cannot be made: {error}") from error
    base = Base(folder / f"{name}.tar", digest_of(partial), int(time.time()))
    partial.replace(base.path)
    note = folder / f"{name}.json"
    beside = note.with_suffix(".json.part")
    beside.write_text(json.dumps({"digest": base.digest, "made": base.made}))
    beside.replace(note)
    return base


def unpack(base: Base, tree: Path) -> None:
    """Unpack a base into an empty directory; raise ImageError with tar's words (a full disk, say)."""
    tree.mkdir()
    argv = ["tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--directory", str(tree)]
    try:
        run([*argv, "--file", str(base.path)])
    except ImageError as error:
        free = shutil.disk_usage(tree).free
        if free < FULL:  # tar tells how many bytes it wrote, and not why no more
            raise ImageError(f"{tree.parent.parent}: no space left ({free} bytes); nothing was published") from error
        raise ImageError(f"{base.path} cannot be unpacked to {tree}: {error}") from error
    if not read_packages(tree):
        raise ImageError(f"{base.path}: no Debian root file system is in it")
