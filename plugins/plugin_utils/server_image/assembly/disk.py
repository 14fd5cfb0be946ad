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
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from . import grub, tree
from .programs import run

SECTOR = grub.SECTOR
MIB = 1 << 20
SPACE = uuid.UUID("7d0b6f5e-2f3c-5d0e-9f6a-6c5d9f1f7a11")
#: The types of partitions whose file systems are mounted, by where: the Discoverable Partitions Specification's, amd64.
TYPES = {"/": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "/var": "4D21B016-B534-45C2-A9FB-5C16E091FD2D"}


@dataclass(frozen=True)
class Partition:
    """A partition with the GUID of its type, where it begins and how large it is in MiB, and where it is mounted."""

    name: str
    kind: str
    start: int
    size: int
    path: str = ""


BIOS = Partition("bios", "21686148-6449-6E6F-744E-656564454649", 1, 1)
ESP = Partition("esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", 2, 32)


@dataclass(frozen=True)
class Data:
    """A volume beside the image's disk: its device, where it is mounted, and the services that do not start without it."""

    device: str
    path: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    """What is to be made: `size` in MiB, the kernel's options, and the time (seconds since 1970) nothing is newer than.

    With a `var_size`, in MiB and part of `size`, /var is a file system of its own.
    """

    name: str
    size: int
    kernel_options: str
    epoch: int
    var_size: int = 0
    data: Data | None = None

    def identifier(self, what: str) -> str:
        """An identifier that is the same whenever the same is built."""
        return str(uuid.uuid5(SPACE, f"{self.name} {what}"))

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """All of them. The last can grow; behind it a MiB is left for the partition table's second copy."""
        start = ESP.start + ESP.size
        root = Partition("root", TYPES["/"], start, self.size - start - self.var_size - 1, "/")
        var = Partition("var", TYPES["/var"], start + root.size, self.var_size, "/var")
        return (BIOS, ESP, root, *([var] if self.var_size else []))

    def file_system(self, partition: Partition) -> str:
        """The identifier of a partition's file system."""
        return self.identifier("file system" if partition.path == "/" else f"file system {partition.path}")


def partitions(disk: Disk) -> str:
    """The partition table, in the language of sfdisk(8)."""
    lines = ["label: gpt", f"label-id: {disk.identifier('table')}", "unit: sectors", "first-lba: 34"]
    for part in disk.partitions:
        where = f"start={part.start * MIB // SECTOR}, size={part.size * MIB // SECTOR}"
        lines.append(f"{where}, type={part.kind}, uuid={disk.identifier(part.name)}, name={part.name}")
    return "\n".join(lines) + "\n"


def fstab(disk: Disk) -> str:
    """The file systems of the image; the last one grows to its partition at every boot where that is larger."""
    last = disk.partitions[-1]
    lines = []
    for part in disk.partitions:
        if not part.path:
            continue
        options = "defaults" if part.path == "/" else "nodev,nosuid"
        growing = ",x-systemd.growfs" if part == last else ""
        number = 1 if part.path == "/" else 2
        lines.append(f"UUID={disk.file_system(part)} {part.path} ext4 {options}{growing} 0 {number}")
    lines.append(f"PARTUUID={disk.identifier('esp')} /boot/efi vfat umask=0077,nofail 0 2")
    if disk.data:
        lines.append(_data_line(disk.data))
    return "\n".join(lines) + "\n"


def _data_line(data: Data) -> str:
    """A volume that is made a file system if it is empty, see systemd.mount(5); a server without it can still be reached."""
    waits = (f"x-systemd.{word}={name}" for name in data.services for word in ("before", "required-by"))
    options = ["nodev", "nosuid", "nofail", "x-systemd.makefs", "x-systemd.growfs", *waits]
    return f"{data.device} {data.path} ext4 {','.join(options)} 0 2"


def configure(root: Path, disk: Disk) -> None:
    """Write into the tree what a disk needs and a container does not: the file systems and the boot menu."""
    last = disk.partitions[-1]
    for path, text in (
        ("etc/fstab", fstab(disk)),
        ("etc/repart.d/60-keelson.conf", f"[Partition]\nType={last.name}\n"),
        ("boot/grub/grub.cfg", grub.configuration(disk.identifier("file system"), disk.kernel_options)),
        ("etc/default/grub.d/60-keelson.cfg", f'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="{disk.kernel_options}"\n'),
    ):
        target = tree.inside(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o600 if target.name == "grub.cfg" else 0o644)
    (root / "boot/efi").mkdir(exist_ok=True)
    if disk.data:
        tree.inside(root, disk.data.path).mkdir(parents=True, exist_ok=True)


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
    """Make nothing in the tree newer than `epoch`, and nothing read after it was written."""
    for folder, names, files in os.walk(root, topdown=False):
        for name in (*names, *files):
            path = os.path.join(folder, name)
            written = min(int(os.lstat(path).st_mtime), epoch)
            os.utime(path, (written, written), follow_symlinks=False)
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
    with tempfile.TemporaryDirectory(prefix=".apart-", dir=root.parent) as apart:
        for part in reversed(disk.partitions):
            if part.path:
                content = root if part.path == "/" else _taken_apart(root, part.path, Path(apart), disk.epoch)
                _write_file_system(content, disk, part, raw, environment)
    _write_boot(raw, boot, cores, disk.epoch, environment)


def _taken_apart(root: Path, path: str, apart: Path, epoch: int) -> Path:
    """Move a folder out of the tree, and leave an empty one for what is mounted there."""
    here, content = root / path.lstrip("/"), apart / path.lstrip("/")
    here.rename(content)
    here.mkdir(mode=0o755)
    for folder in (here, here.parent):
        os.utime(folder, (epoch, epoch))
    return content


def _write_file_system(content: Path, disk: Disk, part: Partition, raw: Path, environment: Mapping[str, str]) -> None:
    identifier = disk.file_system(part)
    extended = f"offset={part.start * MIB},hash_seed={identifier},root_owner=0:0,lazy_itable_init=1"
    options = ["-q", "-F", "-t", "ext4", "-m", "1", "-L", part.name, "-U", identifier, "-E", extended]
    options += ["-O", "^orphan_file,^metadata_csum_seed", "-d", str(content)]  # GRUB of Debian 12 cannot read these
    try:
        run(["mke2fs", *options, str(raw), f"{part.size}M"], environment=environment)
    except ImageError as error:
        raise ImageError(
            f"{part.path} does not fit into its {part.size} MiB: choose another server_image_size or server_image_var_size ({error})"
        ) from error
    _settle_changes(f"{raw}?offset={part.start * MIB}", disk.epoch, environment)


def _settle_changes(device: str, epoch: int, environment: Mapping[str, str]) -> None:
    """Set when each inode was last changed, which mke2fs copies from the builder's files, where nobody can set it."""
    count = re.search(r"^Inode count: +(\d+)", run(["debugfs", "-R", "stats -h", device]), re.M)
    asked = "".join(f"testi <{number}>\n" for number in range(1, int(count[1]) + 1)) if count else ""
    used = re.findall(r"^Inode (\d+) is marked in use", run(["debugfs", "-f", "-", device], asked), re.M)
    script = "".join(f"set_inode_field <{number}> ctime @{epoch}\n" for number in used)
    run(["debugfs", "-w", "-f", "-", device], script, environment=environment)


def _write_boot(raw: Path, boot: bytes, cores: Mapping[str, bytes], epoch: int, environment: Mapping[str, str]) -> None:
    start, room = BIOS.start * MIB // SECTOR, BIOS.size * MIB // SECTOR
    esp, loader = raw.with_suffix(".esp"), raw.with_suffix(".efi")
    try:
        loader.write_bytes(cores["x86_64-efi"])
        os.utime(loader, (epoch, epoch))
        with esp.open("wb") as writing:
            writing.truncate(ESP.size * MIB)
        run(["mkfs.vfat", "--invariant", "-F", "16", "-n", "ESP", str(esp)], environment=environment)
        run(["mmd", "-i", str(esp), "::/EFI", "::/EFI/BOOT"], environment=environment)
        run(["mcopy", "-i", str(esp), "-m", str(loader), "::/EFI/BOOT/BOOTX64.EFI"], environment=environment)
        with raw.open("r+b") as disk:
            disk.write(grub.first_sector(boot, start))
            disk.seek(start * SECTOR)
            disk.write(grub.placed_core(cores["i386-pc"], start, room))
            disk.seek(ESP.start * MIB)
            disk.write(esp.read_bytes())
    finally:
        esp.unlink(missing_ok=True)
        loader.unlink(missing_ok=True)


def convert(made: Path, target: Path, form: str = "raw") -> None:
    """Write a disk, which has a format of qemu-img's, as a compressed qcow2, in order: the same disk gives the same file."""
    options = ["-c", "-f", form, "-O", "qcow2", "-o", "compression_type=zstd"]
    run(["qemu-img", "convert", *options, str(made), str(target)])


def file_systems(raw: Path) -> dict[str, tuple[int, int]]:
    """The first byte and the size of each file system, by where it is mounted, / first.

    Raises ImageError unless there is one root.
    """
    paths = {kind: path for path, kind in TYPES.items()}
    table = json.loads(run(["sfdisk", "--json", str(raw)]))["partitiontable"]["partitions"]
    found = sorted((paths[item["type"]], item["start"], item["size"]) for item in table if item["type"] in paths)
    roots = [path for path, _start, _size in found].count("/")
    if roots != 1:
        raise ImageError(f"the disk has {roots} partitions of the root's type {TYPES['/']}, and must have one")
    return {path: (start * SECTOR, size * SECTOR) for path, start, size in found}
