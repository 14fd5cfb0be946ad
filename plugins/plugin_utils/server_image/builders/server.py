# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image from a server that runs: by QEMU from a vendor's cloud image, or in a cloud. Packer reaches it by ssh."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ... import shipped
from ..assembly import base, build, disk
from ..assembly.programs import run
from ..assembly.spec import BuildSpec
from ..checks import boot
from ..errors import ImageError

USER = "builder"
#: What a server seals itself with, see module sealing.
SEAL = "seal.pyz"


def begin(work: Path, spec: BuildSpec, tell: Callable[[str], None]) -> None:
    """Bring cloud-init's data for the server, and the program that seals it."""
    if not spec.base:
        raise ImageError(
            "builder qemu starts from a vendor's cloud image: name it (server_image_base=FILE server_image_base_digest=sha256:...)"
        )
    used = base.used(work, spec, tell)
    found = json.loads(run(["qemu-img", "info", "--output=json", str(used.path)]))
    if found["virtual-size"] > spec.size * disk.MIB:
        mib = found["virtual-size"] // disk.MIB
        raise ImageError(
            f"{used.path}: its disk has {mib} MiB, more than the image's {spec.size}; raise server_image_size"
        )
    seed = work / "seed"
    seed.mkdir()
    (seed / "user-data").write_text(
        boot.user_data(USER, (work / build.KEY).with_suffix(".pub").read_text().strip(), USER)
    )
    (seed / "meta-data").write_text(json.dumps({"instance-id": spec.name}) + "\n")
    (seed / "vendor-data").write_text("")
    write_seal(work, spec)


def begin_in_cloud(work: Path, spec: BuildSpec, _tell: Callable[[str], None]) -> None:
    """Bring the program that seals the server; the cloud has the rest."""
    if spec.base:
        raise ImageError(f"{spec.base}: in a cloud the base is one of its images, which server_image_target names")
    write_seal(work, spec)


def write_seal(work: Path, spec: BuildSpec) -> None:
    """Write the program that seals the server."""
    content = {"label": spec.label, "unshared": spec.unshared}
    (work / SEAL).write_bytes(b"#!/usr/bin/python3 -I\n" + shipped.archive("server_image/seal_running.py", content))


def finish(work: Path, _order: BuildSpec, target: Path) -> None:
    """Compress the disk that the server left."""
    made = work / "qemu" / "disk.qcow2"
    disk.convert(made, target, "qcow2")
    made.unlink()
