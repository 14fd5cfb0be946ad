# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a build, each a process: a tree from the base, a disk from the tree, a look at the finished file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.server_image import docker_data, seal, seal_running

from ..builders import container
from ..checks import offline
from . import base, listing
from . import disk as disks
from .packages import read_packages
from .programs import run
from .spec import TREE, read

RAW, CHECKS = "disk.raw", "checks.json"


def root(work: Path) -> None:
    """Unpack the base, which is made unless it was before."""
    base.unpack(base.used(work, read(work), tell), work / TREE)


def tell(what: str) -> None:
    """Say what is being done, at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def disk(work: Path) -> None:
    """Seal the tree and write it as a disk."""
    spec = read(work)
    seal.seal(work / TREE, spec.unshared)
    docker_data.settle(work / TREE)
    seal_running.label(work / TREE, spec.label)
    data = disks.Data(spec.data_device, spec.data_path, tuple(spec.services)) if spec.data_device else None
    made = disks.Disk(spec.name, spec.size, spec.kernel_options, spec.epoch, spec.var_size, data)
    disks.write(work / TREE, made, work / RAW)


def look(work: Path) -> None:
    """Check the finished file that WORK/look.json names; the answers, and what else the file tells, go to WORK/checks.json.

    To be run with mounts of its own (unshare --mount), so that none is left.
    """
    start = time.monotonic()
    content = json.loads((work / "look.json").read_text())
    file, place = Path(content["file"]), work / "look"
    place.mkdir()
    if file.suffix == ".tar":
        container.unpack(file, place)
    else:
        _mount(file, work / "look.raw", place)
    answers = offline.look(place, offline.Expected(**content["expected"]))
    seconds = time.monotonic() - start
    files = listing.write(place, work / "files.gz")
    told = {"answers": answers, "seconds": seconds, "files": files, "packages": read_packages(place)}
    (work / CHECKS).write_text(json.dumps({**told, "image": _label(place)}))


def _mount(file: Path, raw: Path, place: Path) -> None:
    """Mount the file systems of a disk."""
    run(["qemu-img", "convert", "-O", "raw", str(file), str(raw)])
    for path, (start, size) in disks.file_systems(raw).items():
        options = f"ro,noload,loop,offset={start},sizelimit={size}"
        run(["mount", "-t", "ext4", "-o", options, str(raw), f"{place}{path}"])


def _label(tree: Path) -> dict[str, Any]:
    """What the image says of itself."""
    content: dict[str, Any] = json.loads((tree / seal_running.LABEL).read_text())
    return content
