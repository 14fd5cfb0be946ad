# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an artifact is asked for: C(NAME), C(NAME=VERSION), or C(/IMAGE) behind either, for one of its container images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import manifest
from .errors import BundleError


@dataclass(frozen=True)
class Request:
    """An artifact, or one of its images; no version is the manifest's first."""

    name: str
    version: str = ""
    image: str = ""

    @classmethod
    def parse(cls, text: str) -> Request:
        """Read a request."""
        artifact, _slash, image = text.partition("/")
        name, _equals, version = artifact.partition("=")
        return cls(name, version, image)

    def __str__(self) -> str:
        version = f"={self.version}" if self.version else ""
        return f"{self.name}{version}" + (f"/{self.image}" if self.image else "")

    def chosen(self, folders: Sequence[Path] = ()) -> str:
        """The version, that of a manifest in `folders` or the collection where none is asked for. Raises BundleError."""
        return self.version or manifest.default_version(*manifest.load(self.name, [*folders, manifest.SHIPPED]))

    def part(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What of a bundle's entry is asked for; raise BundleError when it has no such image."""
        if not self.image:
            return dict(entry)
        # By the last word of its name.
        images = [item for item in entry["images"] if item["name"].rpartition("/")[2].partition(":")[0] == self.image]
        if not images:
            known = ", ".join(item["name"] for item in entry["images"]) or "none"
            raise BundleError(f"{entry['name']} {entry['version']} has no image {self.image} (it has {known})")
        paths = {item["path"] for item in images}
        files = [item for item in entry["files"] if item["path"] in paths]
        return {**entry, "images": images, "files": files, "links": {}, "packages": [], "install": []}
