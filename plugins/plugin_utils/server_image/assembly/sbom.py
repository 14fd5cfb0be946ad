# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The software bill of materials of an image: CycloneDX 1.6, with Debian's packages and the bundle's artifacts."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

try:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    HAS_CYCLONEDX = True
except ImportError:
    HAS_CYCLONEDX = False

from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

from ..errors import ImageError
from .disk import SPACE
from .packages import Package


def text(name: str, epoch: int, packages: Iterable[Package], artifacts: Iterable[Mapping[str, Any]]) -> str:
    """The bill of an image, the same text for the same input; raise ImageError without the library that writes it."""
    if not HAS_CYCLONEDX:
        raise ImageError(missing("cyclonedx-python-lib"))
    image = Component(name=name, type=ComponentType.OPERATING_SYSTEM, bom_ref=name)
    moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    found = [_package(package) for package in packages]
    found += [_file(entry, item) for entry in artifacts for item in entry["files"]]
    bom = Bom(
        components=found,
        serial_number=uuid.uuid5(SPACE, f"{name} bill"),
        metadata=BomMetaData(component=image, timestamp=moment),
    )
    bom.register_dependency(image, found)
    return str(JsonV1Dot6(bom).output_as_string(indent=1)) + "\n"


def _package(package: Package) -> Component:
    words = {"arch": package.architecture, "upstream": package.source, "distro": "debian-12"}
    url = PackageURL("deb", "debian", package.name, package.version, words)
    return Component(name=package.name, version=package.version, purl=url, bom_ref=str(url))


def _file(entry: Mapping[str, Any], item: Mapping[str, Any]) -> Component:
    """A file of an artifact: a program, or the archive of a container image."""
    archives = {image["path"] for image in entry["images"]}
    kind = ComponentType.CONTAINER if item["path"] in archives else ComponentType.APPLICATION
    name = f"{entry['name']}/{item['path']}"
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=item["digest"].split(":")[1])]
    url = PackageURL("generic", None, entry["name"], entry["version"], {"checksum": item["digest"]}, item["path"])
    return Component(name=name, version=entry["version"], type=kind, hashes=hashes, purl=url, bom_ref=str(url))
