# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container image of a published server image, so that servers can be started from it without a machine."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .debian import BOOTS
from .programs import ROOT, Fault, run, succeeds

# Units that a container has no use for are masked, as the builder of container images does.
CONTAINER = ROOT / "packer" / "host_node" / "builders" / "docker" / "container.json"
# What needs a machine of its own (kernel and boot loader), and what podman writes itself.
LEFT_OUT = ("./boot/*", "./usr/lib/modules", "./etc/fstab", "./etc/resolv.conf", "./etc/hosts", "./lost+found")
UNITS = "etc/systemd/system"


def image(folder: Path) -> str:
    """The container image published in the folder, or one of its disk's root file system; returns its name."""
    folder = folder.resolve()
    record = folder / "manifest.json"
    if not record.exists():
        raise Fault(f"{folder}: no image is published there")
    if (folder / "container.tar").exists():
        name = str(json.loads(record.read_text(encoding="utf-8"))["container"]["name"])
        if not succeeds("podman", "image", "exists", name):
            run("podman", "load", "-q", "-i", folder / "container.tar")
        return name
    name = f"localhost/keelson-host-image:{hashlib.sha256(record.read_bytes()).hexdigest()[:12]}"
    if not succeeds("podman", "image", "exists", name):
        with tempfile.TemporaryDirectory() as work:
            tar = _unpack(folder / "disk.qcow2", Path(work))
            run("podman", "import", "-q", *(f"--change={change}" for change in BOOTS), tar, name)
    return name


def _unpack(disk: Path, work: Path) -> Path:
    raw = work / "disk"
    run("qemu-img", "convert", "-O", "raw", disk, raw)
    masked = json.loads(CONTAINER.read_text(encoding="utf-8"))["masked"]
    (work / "lower").mkdir()
    units = work / "mask" / UNITS
    units.mkdir(parents=True)
    for unit in masked:
        (units / unit).symlink_to("/dev/null")
    # The mounts end with the shell.
    run("unshare", "--mount", "sh", "-c", script(work, file_systems(raw), masked))
    return work / "root.tar"


def file_systems(raw: Path) -> dict[str, tuple[int, int]]:
    """Of a disk the start and size of its file systems in bytes, by their path."""
    # The collection is imported only when a disk is read: plain servers need no `make venv`.
    sys.path.insert(0, str(ROOT / ".ansible" / "collections"))
    from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import disk

    return disk.file_systems(raw)


def script(work: Path, places: Mapping[str, tuple[int, int]], masked: Sequence[str]) -> str:
    """Shell commands that mount the disk's file systems (path: start, size in bytes) and archive them as one tree."""
    tar, lower = str(work / "root.tar"), str(work / "lower")
    mounts = [
        ["mount", "-o", f"ro,noload,loop,offset={start},sizelimit={size}", str(work / "disk"), f"{lower}{path}"]
        for path, (start, size) in places.items()
    ]
    left_out = [f"--exclude={path}" for path in (*LEFT_OUT, *(f"./{UNITS}/{unit}" for unit in masked))]
    keeping = ["--numeric-owner", "--xattrs", "--xattrs-include=*"]
    create = ["tar", "--create", *keeping, "--file", tar, "--directory", lower, *left_out, "."]
    units = [f"{UNITS}/{unit}" for unit in masked]
    append = ["tar", "--append", "--file", tar, "--owner=0", "--group=0", "--directory", str(work / "mask"), *units]
    return "\n".join(["set -eu", *map(shlex.join, [*mounts, create, append])])
