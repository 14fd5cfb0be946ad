# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of an image with its mode, owner, size and digest, and what differs between two such lists."""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...bundle.store import digest_of

#: Kinds of files by their mode (find(1) has the same letters).
KINDS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c", stat.S_IFBLK: "b"}
KINDS |= {stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}


def lines(tree: Path) -> Iterator[str]:
    """One line a file, by path: kind, mode, user, group, size, digest or target (`-` where there is none), path.

    Between them are tabs, and within them those and line ends are escaped as Python does.
    """
    top = len(str(tree))
    for folder, names, files in os.walk(tree):
        names.sort()
        for name in sorted((*names, *files)):
            path = os.path.join(folder, name)  # some ten thousand times: a Path would cost as much as the rest
            status = os.lstat(path)
            kind = KINDS[stat.S_IFMT(status.st_mode)]
            size, content = 0, "-"
            if kind == "f":
                size, content = status.st_size, digest_of(Path(path)).removeprefix("sha256:")
            elif kind == "l":
                content = os.readlink(path)
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            fields = (kind, mode, status.st_uid, status.st_gid, size, content, path[top:])
            yield "\t".join(str(field).replace("\t", "\\t").replace("\n", "\\n") for field in fields)


def write(tree: Path, target: Path) -> int:
    """Write the list, compressed and the same bytes for the same tree; return how many files there are."""
    found = sorted(lines(tree), key=lambda line: line.rpartition("\t")[2])
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        packed.write("".join(f"{line}\n" for line in found).encode("utf-8", "surrogateescape"))
    return len(found)


def read(path: Path) -> dict[str, str]:
    """The list as a map from path to everything else."""
    with gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape") as reading:
        rows = (line.rstrip("\n").rpartition("\t") for line in reading)
        return {path: rest for rest, _tab, path in rows}


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """What is only in one of two maps, and what differs, by name."""
    return {
        "removed": sorted(before.keys() - after.keys()),
        "added": sorted(after.keys() - before.keys()),
        "changed": sorted(name for name in before.keys() & after.keys() if before[name] != after[name]),
    }
