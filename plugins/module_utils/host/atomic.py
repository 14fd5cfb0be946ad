# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a file whole or not at all, wherever the writer is cut off. Standard library only."""

from __future__ import annotations

import contextlib
import os


def write(
    path: str,
    content: str | bytes,
    mode: int | None = 0o600,
    owner: tuple[int, int] | None = None,
    times: tuple[int, int] | None = None,
) -> None:
    """Write a file beside its place, on the disk, then rename it; nobody else can read it before. Raises OSError.

    Without a mode it gets that of a new file of this process. C(times) are those of its last access and change in nanoseconds,
    where it is not to look new.
    """
    partial = _beside(path)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            if owner is not None:
                os.fchown(descriptor, *owner)
            if mode is not None:
                os.fchmod(descriptor, mode)
            if times is not None:
                os.utime(descriptor, ns=times)
            os.fsync(descriptor)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def link(path: str, target: str) -> None:
    """Make a link, or lead one elsewhere. Raises OSError."""
    partial = _beside(path)
    os.symlink(target, partial)
    os.replace(partial, path)


def _beside(path: str) -> str:
    """A free name beside a path that no program takes for a configuration of its own."""
    folder, name = os.path.split(path)
    partial = os.path.join(folder, f".{name}.partial")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(partial)  # of a writer that was cut off, or somebody's link
    return partial
