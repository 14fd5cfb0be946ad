# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRUB on a disk that is only a file: what grub-install does, without a loop device or a mount.

One disk boots by BIOS (boot.img in the first sector, the core image in a partition of its own) and by UEFI (the same
core image as C(EFI/BOOT/BOOTX64.EFI)). Offsets are those of GRUB 2's include/grub/i386/pc/boot.h and util/setup.c.
"""

from __future__ import annotations

import struct

from ..errors import ImageError

SECTOR = 512
#: In boot.img: where the sector of the core image is written, and the jump that trusts the BIOS's drive number.
KERNEL_SECTOR, DRIVE_CHECK = 0x5C, 0x66
#: Code of the first sector; what follows is the disk's own signature and partition table.
CODE = 0x1B8
#: At the end of the core image's first sector: where its rest lies (sector, sectors, segment of memory).
BLOCKLIST, SEGMENT = SECTOR - 12, 0x820

#: What is built into the core images: enough for our own configuration and for the one update-grub writes.
COMMON = (
    *("part_gpt", "ext2", "fat", "search", "search_fs_uuid", "search_label", "normal", "configfile", "linux", "gzio"),
    *("echo", "test", "true", "ls", "cat", "help", "loadenv", "minicmd", "sleep", "reboot", "halt", "regexp", "probe"),
    *("serial", "terminal", "gfxterm", "font", "all_video", "boot"),
)
MODULES = {"i386-pc": ("biosdisk", *COMMON), "x86_64-efi": ("efi_gop", *COMMON)}


def early(uuid: str) -> str:
    """What the core image runs first: find the root file system, go on with the configuration there."""
    return f"search.fs_uuid {uuid} root\nset prefix=($root)/boot/grub\n"


def configuration(uuid: str, kernel_options: str) -> str:
    """The configuration that starts the kernel to which Debian's links lead; update-grub may replace it later."""
    return (
        "# The first boot's. update-grub writes its own over it when a kernel is installed.\n"
        "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
        f"set timeout=0\nsearch --no-floppy --fs-uuid --set=root {uuid}\n"
        'menuentry "Debian" {\n'
        f"  linux /vmlinuz root=UUID={uuid} ro {kernel_options}\n  initrd /initrd.img\n}}\n"
    )


def mkimage(target: str, output: str, early_file: str) -> list[str]:
    """grub-mkimage's command line for a target, `i386-pc` or `x86_64-efi`; paths as the program sees them."""
    return [
        *("grub-mkimage", f"--format={target}", f"--output={output}", f"--config={early_file}"),
        *("--prefix=/boot/grub", *MODULES[target]),
    ]


def first_sector(boot: bytes, core_start: int) -> bytes:
    """The code of the disk's first sector, which loads the core image from sector `core_start`."""
    if len(boot) != SECTOR or boot[-2:] != b"\x55\xaa":
        raise ImageError("GRUB's boot.img is not a boot sector; is grub-pc-bin in the base?")
    code = bytearray(boot[:CODE])
    struct.pack_into("<Q", code, KERNEL_SECTOR, core_start)
    code[DRIVE_CHECK : DRIVE_CHECK + 2] = b"\x90\x90"
    return bytes(code)


def placed_core(core: bytes, start: int, room: int) -> bytes:
    """The core image as it lies in `room` sectors from sector `start` on: its first sector loads the rest."""
    padded = bytearray(core.ljust(-(-len(core) // SECTOR) * SECTOR, b"\0"))
    sectors = len(padded) // SECTOR
    if sectors > room:
        raise ImageError(f"GRUB's core image has {sectors} sectors, its partition {room}")
    struct.pack_into("<QHH", padded, BLOCKLIST, start + 1, sectors - 1, SEGMENT)
    return bytes(padded)
