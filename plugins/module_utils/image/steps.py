# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the fast lane, each a process: a tree from the base, a disk from the tree, a look at the finished file."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import base, docker_data, listing, offline, seal
from . import disk as disks
from .errors import ImageError
from .packages import read_packages
from .programs import run

#: Marks, in what a step prints, the one message of a failure.
FAULT = "image: "
TREE, RAW, BASE, CHECKS = "tree", "disk.raw", "base-used.json", "checks.json"
#: By which a server knows the image it was made from.
LABEL = "usr/lib/keelson/image.json"


@dataclass(frozen=True)
class Order:
    """What is to be built; paths are absolute, sizes in MiB, `epoch` in seconds since 1970."""

    name: str
    engine: str
    architecture: str
    bases: str
    base: str
    base_digest: str
    base_days: float
    sources: str
    size: int
    kernel_options: str
    epoch: int

    def save(self, work: Path) -> None:
        """Write it where the steps look for it."""
        (work / "order.json").write_text(json.dumps(dataclasses.asdict(self), indent=1))


def read(work: Path) -> Order:
    """The order of a build."""
    content: dict[str, Any] = json.loads((work / "order.json").read_text())
    return Order(**content)


def root(work: Path) -> None:
    """Unpack the base, which is made unless it was before."""
    order = read(work)
    used = base.given(Path(order.base), order.base_digest) if order.base else _own_base(order)
    base.unpack(used, work / TREE)
    (work / BASE).write_text(json.dumps({"digest": used.digest, "made": used.made, "file": used.path.name}))


def _own_base(order: Order) -> base.Base:
    folder, recipe = Path(order.bases), base.read_recipe()
    sources = Path(order.sources) if order.sources else None
    if sources and not sources.is_file():
        raise ImageError(f"{sources}: there is no such file (image_apt_sources)")
    name = f"base-{base.recipe_digest(recipe, order.architecture, sources.read_text() if sources else '')}"
    folder.mkdir(parents=True, exist_ok=True)
    found = base.kept(folder, name, order.base_days, time.time())
    if found:
        return found
    sys.stdout.write(f"making the base {name} (some minutes; it is kept for {order.base_days:g} days)\n")
    sys.stdout.flush()
    partial = folder / f".{name}-{os.getpid()}.tar"
    return base.make(folder, name, base.command(recipe, order.architecture, sources, partial), partial)


def disk(work: Path) -> None:
    """Seal the tree and write it as a disk."""
    order = read(work)
    seal.seal(work / TREE)
    docker_data.settle(work / TREE)
    label = work / TREE / LABEL
    label.parent.mkdir(parents=True, exist_ok=True)
    label.write_text(json.dumps({"name": order.name, "engine": order.engine, "made": order.epoch}) + "\n")
    made = disks.Disk(order.name, order.size, order.kernel_options, order.epoch)
    disks.write(work / TREE, made, work / RAW)


def look(work: Path) -> None:
    """Check the finished file that WORK/look.json names; the answers, and what else the file tells, go to WORK/checks.json.

    To be run with mounts of its own (unshare --mount), so that none is left.
    """
    start = time.monotonic()
    content = json.loads((work / "look.json").read_text())
    raw, place = work / "look.raw", work / "look"
    place.mkdir()
    run(["qemu-img", "convert", "-O", "raw", content["file"], str(raw)])
    options = f"ro,noload,loop,offset={disks.ROOT[2] * disks.MIB}"
    run(["mount", "-t", "ext4", "-o", options, str(raw), str(place)])
    answers = offline.look(place, offline.Expected(**content["expected"]))
    seconds = time.monotonic() - start
    files = listing.write(place, work / "files.gz")
    told = {"answers": answers, "seconds": seconds, "files": files, "packages": read_packages(place)}
    (work / CHECKS).write_text(json.dumps({**told, "image": _label(place)}))


def _label(tree: Path) -> dict[str, Any]:
    """What the image says of itself."""
    content: dict[str, Any] = json.loads((tree / LABEL).read_text())
    return content
