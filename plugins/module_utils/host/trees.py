# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories removed with all that is in them, and nothing that is mounted there or that a link leads to."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from ..texts import some

TABLE = "/proc/self/mountinfo"
# File systems whose content goes with the mount, made by runtimes and agents for what they run.
VIRTUAL = frozenset(
    (
        "tmpfs",
        "ramfs",
        "overlay",
        "proc",
        "sysfs",
        "devtmpfs",
        "devpts",
        "mqueue",
        "nsfs",
        "cgroup",
        "cgroup2",
        "securityfs",
    )
)
REMOTE = ("nfs", "cifs", "smb", "ceph", "9p", "glusterfs", "lustre", "gfs2", "ocfs2", "afs", "fuse", "virtiofs")


class TreeError(Exception):
    """A directory may not be removed; the message names the mount, its source and what to do."""


class Mount(NamedTuple):
    """One line of mountinfo. C(root) is the part of the file system that is seen here, "/" for all of it."""

    point: str
    root: str
    kind: str
    source: str

    @property
    def passing(self) -> bool:
        """Whether an agent made it for what it runs: a virtual file system, or a directory of this host shown once more."""
        return self.kind in VIRTUAL or (self.root != "/" and not self.kind.startswith(REMOTE))


def below(directories: Iterable[str], table: str = "") -> list[Mount]:
    """The mounts below these directories, innermost and newest first; the directories themselves are none of them."""
    # The kernel names mounts by where links lead to.
    spelt = {place for directory in directories for place in (directory, _real(directory))}
    starts = tuple(directory.rstrip("/") + "/" for directory in spelt)
    with open(table or TABLE, encoding="utf-8") as lines:
        found = [mount for mount in map(_mount, lines) if starts and mount.point.startswith(starts)]
    found.reverse()
    return sorted(found, key=lambda mount: -mount.point.count("/"))


def _real(path: str) -> str:
    """The path without links on the way to it; it may be one itself."""
    above, name = os.path.split(path.rstrip("/"))
    return os.path.join(os.path.realpath(above), name)


def _mount(line: str) -> Mount:
    fields, _dash, rest = line.partition(" - ")
    kind, source = rest.split()[:2]
    root, point = (re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text) for text in fields.split()[3:5])
    return Mount(point, root, kind, source)


def refuse_foreign(directories: Iterable[str]) -> None:
    """Raise TreeError when something is mounted below that is no agent's own: a volume, a file system of the network."""
    foreign = [mount for mount in below(directories) if not mount.passing]
    if foreign:
        named = some([f"{mount.point} ({mount.kind} from {mount.source})" for mount in foreign], 5)
        raise TreeError(
            f"volumes are mounted below what would be deleted: {named}. Nothing was deleted. Remove the applications "
            "that use them (drain the host), or unmount them, and run again"
        )


def unmount(directories: Iterable[str]) -> list[str]:
    """Unmount what agents left mounted below. Raises TreeError at a volume, and at a mount that is in use."""
    directories = list(directories)
    refuse_foreign(directories)
    gone = []
    for mount in below(directories):
        done = subprocess.run(["umount", mount.point], capture_output=True, text=True, check=False)
        if done.returncode and mount in below(directories):  # an outer one may have taken it along
            raise TreeError(
                f"{mount.point} ({mount.kind} from {mount.source}) cannot be unmounted: {done.stderr.strip()}. End the "
                f"programs that use it ('fuser -vm {mount.point}' lists them) and run again"
            )
        gone.append(mount.point)
    return gone


def remove(path: str) -> None:
    """Remove a directory with all that is in it, or a file. A directory that is a mount point itself is emptied and stays.

    Raises TreeError before anything is deleted where something is mounted below, and at what was mounted since.
    """
    mounts = below([path])
    if mounts:
        first = mounts[-1]
        raise TreeError(
            f"{first.point} ({first.kind} from {first.source}) is mounted below {path}, which was to be deleted. Nothing "
            "there was deleted. Unmount it and run again"
        )
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    _empty(path, descriptor, _mount_of(descriptor))
    if not is_mount_point(path):
        os.rmdir(path)


def is_mount_point(path: str, table: str = "") -> bool:
    """Whether something is mounted there, a directory of the same device too, which has no other device number."""
    return any(mount.point in (path, _real(path)) for mount in below([os.path.dirname(path)], table))


def _mount_of(descriptor: int) -> str:
    """Which mount an open directory lies in: a directory of the same device that is mounted there has another one."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as lines:
        number = next(line for line in lines if line.startswith("mnt_id:"))
    return f"{os.fstat(descriptor).st_dev} {number}"


def _empty(path: str, descriptor: int, mount: str) -> None:
    try:
        for name in os.listdir(descriptor):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=descriptor)
                continue
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            if _mount_of(inner) != mount:
                os.close(inner)
                raise TreeError(
                    f"{path}/{name} is another mount: something was mounted there meanwhile. Unmount it and run again"
                )
            _empty(f"{path}/{name}", inner, mount)
            os.rmdir(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
