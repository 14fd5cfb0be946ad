# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be built, in the folder that all its processes share."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Marks, in what a step prints, the one message of a failure.
FAULT = "image: "
#: What lies in the folder of a build: the root file system, and what is known of the base it came from.
TREE, BASE = "tree", "base-used.json"


@dataclass(frozen=True)
class BuildSpec:
    """What is to be built; paths are absolute, sizes in MiB, `epoch` in seconds since 1970.

    The data volume, if it has a device, is what the `services` need. `unshared` are the patterns of what the components keep
    out of an image.
    """

    name: str
    engine: str
    architecture: str
    bases: str
    base: str
    base_digest: str
    base_days: float
    sources: str
    size: int
    var_size: int
    data_device: str
    data_path: str
    services: list[str]
    unshared: list[str]
    kernel_options: str
    epoch: int

    def save(self, work: Path) -> None:
        """Write it where the steps look for it."""
        (work / "spec.json").write_text(json.dumps(dataclasses.asdict(self), indent=1))

    @property
    def label(self) -> dict[str, Any]:
        """What servers say of the image they were made from."""
        return {"name": self.name, "engine": self.engine, "made": self.epoch}


def read(work: Path) -> BuildSpec:
    """What is to be built."""
    content: dict[str, Any] = json.loads((work / "spec.json").read_text())
    return BuildSpec(**content)
