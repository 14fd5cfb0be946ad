# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish to a published image: build it, look at the finished file, describe it, and only then give it its name."""

from __future__ import annotations

import dataclasses
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .. import engines
from ..bundle import manifest as artifacts
from ..bundle.store import Store, default_root
from . import build, disk, hardening, offline
from .base import digest, read_recipe
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
    artifacts: list[str] = field(default_factory=list)
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
        expected(wish, store)
        program = build.place_packer(store, cache / "packer")
        variables = {"cluster_engine": wish.engine, "cluster_bundle": str(wish.bundle), **wish.variables}
        build.prepare(work, order_of(wish, cache / "images"), variables)
        build.run_packer(program, work, cache / build.LOG, tell)
        file = work / f"{wish.name}.qcow2"
        tell("compress the disk")
        disk.convert(work / RAW, file)
        (work / RAW).unlink()
        tell("check the finished file")
        answers = build.look(work, file, dataclasses.asdict(expected(wish, store)))
        refuse(answers)
        target = wish.output / file.name
        found = digest(file)
        file.replace(target)
        size = target.stat().st_size
    seconds = round(time.monotonic() - started, 1)
    described = {"name": wish.name, "path": str(target), "digest": found, "size": size, "seconds": seconds}
    return {**described, "checks": answers}


def expected(wish: Wish, store: Store) -> offline.Expected:
    """What the checks ask for; raise ImageError when an artifact is not in the bundle."""
    exempt = wish.variables.get("host_node_hardening_exempt") or {}
    return offline.Expected(
        runtime=engines.load(wish.engine).runtime,
        packages=read_recipe()["packages"] if not wish.base else [],
        artifacts=[entry_of(name, store, wish.architecture) for name in wish.artifacts],
        controls=[dict(control) for control in hardening.applied(profile(), exempt)],
    )


def entry_of(wish: str, store: Store, architecture: str) -> dict[str, Any]:
    """The bundle's entry of an artifact, `NAME` or `NAME=VERSION`."""
    name, _equals, version = wish.partition("=")
    version = version or artifacts.default_version(*artifacts.load(name))
    entry: dict[str, Any] = store.index()["artifacts"].get(name, {}).get(version, {}).get(architecture, {})
    if not entry:
        raise ImageError(f"{name} {version} ({architecture}) is not in the bundle {store.root}: fill it with playbook bundle")
    return entry


def profile() -> list[dict[str, Any]]:
    """The controls of the role's hardening profile."""
    content = yaml.safe_load((build.ROOT / "roles/host_node/vars/main/hardening.yml").read_text())
    controls: list[dict[str, Any]] = content["__host_node_hardening"]
    return controls


def refuse(answers: list[dict[str, Any]]) -> None:
    """Raise ImageError naming the checks that failed, if any did."""
    failed = [answer for answer in answers if not answer["passed"]]
    if failed:
        shown = "; ".join(f"{answer['title']} ({answer['target']}): {answer['evidence']}" for answer in failed[:5])
        raise ImageError(
            f"{len(failed)} of {len(answers)} checks of the finished image failed, nothing was published: {shown}; {failed[0]['cure']}"
        )
