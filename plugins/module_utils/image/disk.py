# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a root file system to a disk that boots: partitions, file systems and boot loader, written into one file.

Nothing is mounted and no loop device is used, so nothing can be left behind. Identifiers come from the name of the
build, and times are clamped to SOURCE_DATE_EPOCH, so that the same tree gives the same disk.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import grub, tree
from .errors import ImageError
from .programs import run

SECTOR = grub.SECTOR
MIB = 1 << 20
SPACE = uuid.UUID("7d0b6f5e-2f3c-5d0e-9f6a-6c5d9f1f7a11")
#: Partitions as (name, type, first MiB, MiB); the root is last, so that it can grow.
BIOS = ("bios", "21686148-6449-6E6F-744E-656564454649", 1, 1)
ESP = ("esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 2, 32)
ROOT = ("root", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", 34, 0)


@dataclass(frozen=True)
class Disk:
    """What is to be made: `size` in MiB, the kernel's options, and the time (seconds since 1970) nothing is newer than."""

    name: str
    size: int
    kernel_options: str
    epoch: int

    def identifier(self, what: str) -> str:
        """An identifier that is the same whenever the same is built."""
        return str(uuid.uuid5(SPACE, f"{self.name} {what}"))

    @property
    def root_size(self) -> int:
        """Size of the root file system, in MiB; the last MiB is the partition table's second copy."""
        return self.size - ROOT[2] - 1


def partitions(disk: Disk) -> str:
    """The partition table, in the language of sfdisk(8)."""
    lines = ["label: gpt", f"label-id: {disk.identifier('table')}", "unit: sectors", "first-lba: 34"]
    for name, kind, start, size in (BIOS, ESP, (*ROOT[:3], disk.root_size)):
        where = f"start={start * MIB // SECTOR}, size={size * MIB // SECTOR}"
        lines.append(f"{where}, type={kind}, uuid={disk.identifier(name)}, name={name}")
    return "\n".join(lines) + "\n"


def fstab(disk: Disk) -> str:
    """The file systems of the image; the root's grows to its partition at every boot where that is larger."""
    root = f"UUID={disk.identifier('file system')} / ext4 defaults,x-systemd.growfs 0 1\n"
    return root + f"PARTUUID={disk.identifier('esp')} /boot/efi vfat umask=0077,nofail 0 2\n"


def configure(root: Path, disk: Disk) -> None:
    """Write into the tree what a disk needs and a container does not: the file systems and the boot menu."""
    for path, text in (
        ("etc/fstab", fstab(disk)),
        ("boot/grub/grub.cfg", grub.configuration(disk.identifier("file system"), disk.kernel_options)),
        ("etc/default/grub.d/60-keelson.cfg", f'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="{disk.kernel_options}"\n'),
    ):
        target = tree.inside(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o600 if target.name == "grub.cfg" else 0o644)
    (root / "boot/efi").mkdir(exist_ok=True)


def core_images(root: Path, disk: Disk) -> dict[str, bytes]:
    """GRUB's core images by target, made by the tree's own GRUB."""
    made = {}
    scratch = root / "var/tmp/grub"
    scratch.mkdir()
    try:
        (scratch / "early.cfg").write_text(grub.early(disk.identifier("file system")))
        for target in grub.MODULES:
            tree.run(root, grub.mkimage(target, f"/var/tmp/grub/{target}", "/var/tmp/grub/early.cfg"))
            made[target] = (scratch / target).read_bytes()
    finally:
        shutil.rmtree(scratch)
    return made


def clamp(root: Path, epoch: int) -> None:
    """Make nothing in the tree newer than `epoch`."""
    for folder, names, files in os.walk(root, topdown=False):
        for name in (*names, *files):
            path = os.path.join(folder, name)
            if os.lstat(path).st_mtime > epoch:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
    os.utime(root, (epoch, epoch))


def write(root: Path, disk: Disk, raw: Path) -> None:
    """Write the tree as a disk; raise ImageError when a tool fails or the tree does not fit."""
    cores = core_images(root, disk)
    configure(root, disk)
    boot = tree.inside(root, "usr/lib/grub/i386-pc/boot.img").read_bytes()
    clamp(root, disk.epoch)
    with raw.open("wb") as writing:
        writing.truncate(disk.size * MIB)
    environment = {"E2FSPROGS_FAKE_TIME": str(disk.epoch), "SOURCE_DATE_EPOCH": str(disk.epoch)}
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(raw)], partitions(disk))
    identifier = disk.identifier("file system")
    extended = f"offset={ROOT[2] * MIB},hash_seed={identifier},root_owner=0:0,lazy_itable_init=1"
    options = ["-q", "-F", "-t", "ext4", "-m", "1", "-L", "root", "-U", identifier, "-E", extended]
    options += ["-O", "^orphan_file,^metadata_csum_seed", "-d", str(root)]  # GRUB of Debian 12 cannot read these
    run(["mke2fs", *options, str(raw), f"{disk.root_size}M"], environment=environment)
    _write_boot(raw, boot, cores, environment)


def _write_boot(raw: Path, boot: bytes, cores: Mapping[str, bytes], environment: Mapping[str, str]) -> None:
    start, room = (BIOS[2] * MIB // SECTOR, BIOS[3] * MIB // SECTOR)
    esp, loader = raw.with_suffix(".esp"), raw.with_suffix(".efi")
    try:
        loader.write_bytes(cores["x86_64-efi"])
        with esp.open("wb") as writing:
            writing.truncate(ESP[3] * MIB)
        run(["mkfs.vfat", "--invariant", "-F", "16", "-n", "ESP", str(esp)], environment=environment)
        run(["mmd", "-i", str(esp), "::/EFI", "::/EFI/BOOT"], environment=environment)
        run(["mcopy", "-i", str(esp), "-m", str(loader), "::/EFI/BOOT/BOOTX64.EFI"], environment=environment)
        with raw.open("r+b") as disk:
            disk.write(grub.first_sector(boot, start))
            disk.seek(start * SECTOR)
            disk.write(grub.placed_core(cores["i386-pc"], start, room))
            disk.seek(ESP[2] * MIB)
            disk.write(esp.read_bytes())
    finally:
        esp.unlink(missing_ok=True)
        loader.unlink(missing_ok=True)


def convert(made: Path, target: Path, form: str = "raw") -> None:
    """Write a disk, which has a format of qemu-img's, as a compressed qcow2."""
    options = ["-c", "-W", "-f", form, "-O", "qcow2", "-o", "compression_type=zstd"]
    run(["qemu-img", "convert", *options, str(made), str(target)])


def root_start(raw: Path) -> int:
    """The byte at which the root file system begins; raise ImageError when no partition says that it is the root."""
    table = json.loads(run(["sfdisk", "--json", str(raw)]))["partitiontable"]
    starts = [item["start"] for item in table["partitions"] if item["type"] == ROOT[1]]
    if len(starts) != 1:
        raise ImageError(f"the disk has {len(starts)} partitions of the root's type {ROOT[1]}, and must have one")
    return int(starts[0]) * SECTOR
