# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish to a published image: build it, look at the finished file, describe it, and only then give it its name."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..bundle import manifest as artifacts
from ..bundle.store import Store, default_root
from . import build, disk
from .base import digest
from .errors import ImageError
from .steps import RAW, Order

#: MiB a build needs beside the disk's own size: the tree, and the compressed file.
OVERHEAD = 3000


@dataclass(frozen=True)
class Wish:
    """What module C(image) is asked for, see its documentation."""

    engine: str
    output: Path
    bundle: Path
    architecture: str
    base: str
    base_digest: str
    base_days: float
    apt_sources: str
    size: int
    kernel_options: str
    epoch: int
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Version of the engine, which the image is named after."""
        program = {"kubernetes": "kubelet"}.get(self.engine, self.engine)
        return str(artifacts.default_version(*artifacts.load(program)))

    @property
    def name(self) -> str:
        """Name of the image: what it is, and when it was made."""
        moment = time.strftime("%Y%m%dT%H%MZ", time.gmtime(self.epoch))
        return f"host-node-{self.engine}-{self.version}-{self.architecture}-{moment}"


def order_of(wish: Wish, bases: Path) -> Order:
    """What the steps need to know of a wish."""
    return Order(
        name=wish.name,
        engine=wish.engine,
        architecture=wish.architecture,
        bases=str(bases),
        base=wish.base,
        base_digest=wish.base_digest,
        base_days=wish.base_days,
        sources=wish.apt_sources,
        size=wish.size,
        kernel_options=wish.kernel_options,
        epoch=wish.epoch,
    )


def make(wish: Wish, tell: build.Tell) -> dict[str, Any]:
    """Build an image; return its name, path, digest and size in bytes. Raise ImageError with nothing published."""
    if os.geteuid() != 0:
        raise ImageError("an image is built as root, since its files belong to root; run this as root")
    started = time.monotonic()
    cache = default_root().parent
    store = Store(wish.bundle)
    with build.workspace(wish.output) as work:
        build.need_space(wish.output, wish.size // 2 + OVERHEAD)
        program = build.place_packer(store, cache / "packer")
        variables = {"cluster_engine": wish.engine, "cluster_bundle": str(wish.bundle), **wish.variables}
        build.prepare(work, order_of(wish, cache / "images"), variables)
        build.run_packer(program, work, cache / build.LOG, tell)
        file = work / f"{wish.name}.qcow2"
        tell("compress the disk")
        disk.convert(work / RAW, file)
        (work / RAW).unlink()
        target = wish.output / file.name
        found = digest(file)
        file.replace(target)
        size = target.stat().st_size
    seconds = round(time.monotonic() - started, 1)
    return {"name": wish.name, "path": str(target), "digest": found, "size": size, "seconds": seconds}
