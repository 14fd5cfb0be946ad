# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to a published image: build it, look at the finished file, describe it, and only then give it its name."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

from .. import components, sign
from ..bundle.store import Store, default_root
from .assembly import build
from .builders import registry
from .describe import describe, write_about
from .errors import ImageError
from .expected import expected, refuse
from .publish import publish
from .request import Request

#: MiB a build needs beside the disk's own size: the tree, and the compressed file.
OVERHEAD = 3000
#: The phases of a build after the file is made.
CHECKING, PUBLISHING = "check the finished file and list what is in it", "describe and publish it"


def check(request: Request) -> None:
    """Raise ImageError for what can be told of a request before anything is fetched or built."""
    if os.geteuid() != 0:
        raise ImageError("an image is built as root, since its files belong to root; run this as root")
    request.check_disks()
    components.engine(request.engine)
    registry.target(request.builder, request.target)
    for name, path in (("server_image_base", request.base), ("server_image_apt_sources", request.apt_sources)):
        if path and not os.path.isfile(path):
            raise ImageError(f"{path}: there is no such file ({name})")


def make(request: Request, tell: build.Tell) -> dict[str, Any]:
    """Build an image; return what module C(server_image) returns. Raise ImageError with nothing published."""
    check(request)
    try:
        return _make(request, tell)
    except OSError as error:
        raise ImageError(f"{error.filename or request.output}: {error.strerror}; nothing was published") from error


def _make(request: Request, say: build.Tell) -> dict[str, Any]:
    started = time.monotonic()
    phases: list[tuple[str, float]] = []

    def tell(what: str) -> None:
        phases.append((what, time.monotonic()))
        say(what)

    cache = default_root().parent
    store, builder = Store(request.bundle), registry.BUILDERS[request.builder]
    key = sign.load_key(request.key)
    with build.workspace(request.output) as work:
        desired = expected(request, store)
        target = registry.target(request.builder, request.target)
        build.need_space(request.output, request.size // 2 + OVERHEAD)
        packer, program = build.place_packer(store, cache / "packer", registry.plugins(request.builder))
        spec = request.spec(cache / "images")
        build.prepare(
            work, spec, {entry["name"]: entry["version"] for entry in desired.artifacts}, request.role_variables()
        )
        builder.begin(work, spec, tell)
        build.run_packer(program, work, registry.FOLDER / request.builder, target, cache / build.LOG, tell)
        if not builder.file:
            return {"name": request.name, "kept": build.kept(work), "seconds": round(time.monotonic() - started, 1)}
        made = work / "image"
        made.mkdir()
        tell("make the file")
        builder.finish(work, spec, made / builder.file)
        tell(CHECKING)
        found = build.look(work, made / builder.file, dataclasses.asdict(desired))
        refuse(found["answers"])
        tell(PUBLISHING)
        described = describe(request, desired, work, packer, found)
        write_about(made, described, found, desired, key)
        publish.publish(made, request.output / request.name)
    file = publish.file_described(described)
    return {
        "name": request.name,
        "path": str(request.output / request.name / builder.file),
        **{word: file[word] for word in ("digest", "size")},
        "seconds": round(time.monotonic() - started, 1),
        "phases": durations([("unpack the base", started), *phases, ("", time.monotonic())]),
        "checks": found["answers"],
        "checks_seconds": round(found["seconds"], 1),
    }


def durations(phases: list[tuple[str, float]]) -> dict[str, float]:
    """Seconds of each phase, from the moments at which they began; the last is the end."""
    return {what: round(after - began, 1) for (what, began), (_next, after) in zip(phases, phases[1:])}
