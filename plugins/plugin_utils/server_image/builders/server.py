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
from ..assembly.spec import Order
from ..checks import boot
from ..errors import ImageError

USER = "builder"
#: What a server seals itself with, see module sealing.
SEAL = "seal.pyz"


def begin(work: Path, order: Order, tell: Callable[[str], None]) -> None:
    """Bring cloud-init's data for the server, and the program that seals it."""
    if not order.base:
        raise ImageError(
            "lane qemu starts from a vendor's cloud image: name it (image_base=FILE image_base_digest=sha256:...)"
        )
    used = base.used(work, order, tell)
    found = json.loads(run(["qemu-img", "info", "--output=json", str(used.path)]))
    if found["virtual-size"] > order.size * disk.MIB:
        mib = found["virtual-size"] // disk.MIB
        raise ImageError(f"{used.path}: its disk has {mib} MiB, more than the image's {order.size}; raise image_size")
    seed = work / "seed"
    seed.mkdir()
    (seed / "user-data").write_text(
        boot.user_data(USER, (work / build.KEY).with_suffix(".pub").read_text().strip(), USER)
    )
    (seed / "meta-data").write_text(json.dumps({"instance-id": order.name}) + "\n")
    (seed / "vendor-data").write_text("")
    write_seal(work, order)


def begin_in_cloud(work: Path, order: Order, _tell: Callable[[str], None]) -> None:
    """Bring the program that seals the server; the cloud has the rest."""
    if order.base:
        raise ImageError(f"{order.base}: in a cloud the base is one of its images, which image_target names")
    write_seal(work, order)


def write_seal(work: Path, order: Order) -> None:
    """Write the program that seals the server."""
    (work / SEAL).write_bytes(b"#!/usr/bin/python3 -I\n" + shipped.archive("server_image/seal_running.py", order.label))


def finish(work: Path, _order: Order, target: Path) -> None:
    """Compress the disk that the server left."""
    made = work / "qemu" / "disk.qcow2"
    disk.convert(made, target, "qcow2")
    made.unlink()
