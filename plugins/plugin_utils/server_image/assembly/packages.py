# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages in a root file system, read from dpkg's own list."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

STATUS = "var/lib/dpkg/status"


class Package(NamedTuple):
    """An installed package; `source` is the source package, which security notices name."""

    name: str
    version: str
    architecture: str
    source: str


def parse_status(text: str) -> list[Package]:
    """Return the installed packages of C(/var/lib/dpkg/status) (deb-control(5)), by name."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line[:1].isalpha()]
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        if fields.get("Status", "").endswith(" installed"):
            name = fields["Package"]
            found.append(
                Package(name, fields["Version"], fields["Architecture"], fields.get("Source", name).split()[0])
            )
    return sorted(found)


def read_packages(tree: Path) -> list[Package]:
    """The packages installed in a tree; none when it is not a Debian."""
    path = tree / STATUS
    return parse_status(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else []
