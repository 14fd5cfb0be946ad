# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builders: by which way an image comes about. Packer's part of each is a folder in packer/host_node/builders.

Before Packer a builder brings what its source starts from; afterwards it makes the file that is checked and published.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..assembly import disk
from ..assembly.spec import BuildSpec
from ..assembly.steps import RAW
from ..errors import ImageError
from ..publish import publish
from . import container, server

ROOT = Path(__file__).resolve().parents[4] / "packer" / "host_node"
FOLDER, TARGETS = ROOT / "builders", ROOT / "targets"
#: What a builder says while it works.
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Builder:
    """One builder: what it does before Packer, what afterwards, and the published file, which is the cloud's own if empty.

    On a `server` the builder is a user who becomes root.
    """

    begin: Callable[[Path, BuildSpec, Tell], None]
    finish: Callable[[Path, BuildSpec, Path], None]
    file: str
    server: bool = True


def _nothing(_work: Path, _order: BuildSpec, _tell: Tell) -> None:
    """The steps of the tree are in its template."""


def _compress(work: Path, _order: BuildSpec, target: Path) -> None:
    disk.convert(work / RAW, target)
    (work / RAW).unlink()


def _kept(_work: Path, _order: BuildSpec, _target: Path) -> None:
    """The cloud keeps its image."""


CLOUDS = ("amazon-ebs", "azure-arm", "googlecompute", "openstack", "proxmox")
BUILDERS = {
    "tree": Builder(_nothing, _compress, publish.DISK, server=False),
    "docker": Builder(container.begin, container.finish, publish.CONTAINER, server=False),
    "qemu": Builder(server.begin, server.finish, publish.DISK),
    **{name: Builder(server.begin_in_cloud, _kept, "") for name in CLOUDS},
}


def plugins(name: str) -> list[str]:
    """The plugins of Packer that a builder's template asks for, by the last part of their source."""
    texts = "\n".join(path.read_text() for path in sorted((FOLDER / name).glob("*.pkr.hcl")))
    return re.findall(r'^\s*source\s*=\s*"github\.com/hashicorp/([a-z-]+)"', texts, re.MULTILINE)


def declared(name: str) -> set[str]:
    """The variables of a builder that a user may set."""
    return set(re.findall(r'^variable "(\w+)"', (FOLDER / name / "builder.pkr.hcl").read_text(), re.MULTILINE))


def target(name: str, given: str) -> Path | None:
    """The file with a builder's variables, if it has any; raise ImageError when it is missing or sets what the builder has not.

    Packer itself says nothing of a variable that no template knows.
    """
    known = declared(name)
    if not given and name in CLOUDS:
        raise ImageError(
            f"builder {name} needs your values: copy {TARGETS / name}.pkrvars.hcl, and name it as server_image_target"
        )
    if not given:
        return TARGETS / f"{name}.pkrvars.hcl" if known else None
    path = Path(given)
    if not path.is_file():
        raise ImageError(f"{path}: there is no such file (server_image_target)")
    for word in assigned(path):
        if word not in known:
            raise ImageError(
                f"{path}: builder {name} has no variable {word}; it has {', '.join(sorted(known)) or 'none'}"
            )
    return path


def assigned(path: Path) -> list[str]:
    """The variables that a file sets."""
    return re.findall(r"^(\w+)\s*=", path.read_text(), re.MULTILINE)
