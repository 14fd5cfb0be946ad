# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of an image while it is being built: a directory, entered with mounts of its own."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..errors import ImageError
from . import programs


class TreeError(ImageError):
    """The tree cannot be used; the message names the place and the cause."""


def command(tree: Path, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in a tree: without network, and with mounts that end with it.

    The machine's name is of the directory, so that two builds do not share one.
    """
    name = "image-" + hashlib.sha256(str(tree).encode()).hexdigest()[:8]
    return [
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        f"--machine={name}",
        f"--directory={tree}",
        "--private-network",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--pipe",
        *argv,
    ]


def run(tree: Path, argv: Sequence[str]) -> str:
    """Run a program in a tree and return what it printed; raise ImageError with its last words."""
    return programs.run(command(tree, argv))


def forget_killed(root: Path = Path("/sys/fs/cgroup"), ours: Path = Path("/proc/self/cgroup")) -> None:
    """Remove the empty control groups that a killed systemd-nspawn left: where both cgroup versions are mounted, the next fails.

    It has them in the group it was started in, by these names; those in use cannot be removed.
    """
    for line in ours.read_text().splitlines():
        _number, controllers, group = line.split(":", 2)
        for place in {"": ("", "unified"), "name=systemd": ("systemd",)}.get(controllers, ()):
            for name in ("payload", "supervisor"):
                with contextlib.suppress(OSError):
                    (root / place / group.lstrip("/") / name).rmdir()


def inside(tree: Path, path: str) -> Path:
    """Where a path of the tree lies on this machine; raise TreeError when a link leads out of the tree."""
    found = (tree / path.lstrip("/")).resolve()
    if not found.is_relative_to(tree.resolve()):
        raise TreeError(f"{path} leads out of {tree}, to {found}")
    return found
