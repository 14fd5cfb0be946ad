# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lanes: by which way an image comes about. Packer's part of each is a folder in packer/host_node/lanes.

Before Packer a lane brings what its source starts from; afterwards it makes the file that is checked and published.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..assembly import disk
from ..assembly.spec import Order
from ..assembly.steps import RAW
from ..errors import ImageError
from ..publish import publish
from . import container, server

ROOT = Path(__file__).resolve().parents[4] / "packer" / "host_node"
FOLDER, TARGETS = ROOT / "lanes", ROOT / "targets"
#: What a lane says while it works.
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Lane:
    """One lane: what it does before Packer, what afterwards, and the published file, which is the cloud's own if empty.

    On a `server` the builder is a user who becomes root.
    """

    begin: Callable[[Path, Order, Tell], None]
    finish: Callable[[Path, Order, Path], None]
    file: str
    server: bool = True


def _nothing(_work: Path, _order: Order, _tell: Tell) -> None:
    """The steps of the tree are in its template."""


def _compress(work: Path, _order: Order, target: Path) -> None:
    disk.convert(work / RAW, target)
    (work / RAW).unlink()


def _kept(_work: Path, _order: Order, _target: Path) -> None:
    """The cloud keeps its image."""


CLOUDS = ("amazon-ebs", "azure-arm", "googlecompute", "openstack", "proxmox")
LANES = {
    "tree": Lane(_nothing, _compress, publish.DISK, server=False),
    "docker": Lane(container.begin, container.finish, publish.CONTAINER, server=False),
    "qemu": Lane(server.begin, server.finish, publish.DISK),
    **{name: Lane(server.begin_in_cloud, _kept, "") for name in CLOUDS},
}


def plugins(name: str) -> list[str]:
    """The plugins of Packer that a lane's template asks for, by the last part of their source."""
    texts = "\n".join(path.read_text() for path in sorted((FOLDER / name).glob("*.pkr.hcl")))
    return re.findall(r'^\s*source\s*=\s*"github\.com/hashicorp/([a-z-]+)"', texts, re.MULTILINE)


def declared(name: str) -> set[str]:
    """The variables of a lane that a user may set."""
    return set(re.findall(r'^variable "(\w+)"', (FOLDER / name / "lane.pkr.hcl").read_text(), re.MULTILINE))


def target(name: str, given: str) -> Path | None:
    """The file with a lane's variables, if it has any; raise ImageError when it is missing or sets what the lane has not.

    Packer itself says nothing of a variable that no template knows.
    """
    known = declared(name)
    if not given and name in CLOUDS:
        raise ImageError(
            f"lane {name} needs your values: copy {TARGETS / name}.pkrvars.hcl, and name it as image_target"
        )
    if not given:
        return TARGETS / f"{name}.pkrvars.hcl" if known else None
    path = Path(given)
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file (image_target)")
    for word in assigned(path):
        if word not in known:
            raise ImageError(f"{path}: lane {name} has no variable {word}; it has {', '.join(sorted(known)) or 'none'}")
    return path


def assigned(path: Path) -> list[str]:
    """The variables that a file sets."""
    return re.findall(r"^(\w+)\s*=", path.read_text(), re.MULTILINE)
