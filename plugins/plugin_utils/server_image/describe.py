# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a finished image: its manifest, bill of materials, list of files and signed statements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    import yaml

    HAS_YAML = True
except ImportError:  # Ansible itself needs it, so this is only for its import test
    HAS_YAML = False

from ..bundle.store import digest_of
from .assembly import build, sbom
from .assembly.packages import Package
from .assembly.spec import BASE
from .builders import container, registry
from .checks import offline
from .publish import publish
from .request import Request


def describe(
    request: Request, desired: offline.Expected, work: Path, packer: str, found: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of an image (docs/reference/image.schema.json)."""
    file = registry.BUILDERS[request.builder].file
    what = {"digest": digest_of(work / "image" / file), "size": (work / "image" / file).stat().st_size}
    galaxy = build.ROOT / "galaxy.yml"
    version = yaml.safe_load(galaxy.read_text())["version"] if galaxy.exists() else _installed_version()
    base = json.loads((work / BASE).read_text())
    return {
        "format": publish.FORMAT,
        "name": request.name,
        "engine": request.engine,
        "version": request.version,
        "architecture": request.architecture,
        "made": publish.moment(request.epoch),
        "builder": request.builder,
        **(
            {
                "disk": {
                    "format": "qcow2",
                    **what,
                    "virtual_mib": request.size,
                    "var_mib": request.var_size,
                    **data_volume(request),
                }
            }
            if file == publish.DISK
            else {"container": {"format": "oci", **what, **container.known(work / "image" / file)}}
        ),
        "contents": {"files": found["files"], "packages": len(found["packages"])},
        "inputs": {
            "base": {"digest": base["digest"], "made": publish.moment(base["made"])},
            "collection": {"version": version, "digest": publish.collection_digest(build.ROOT)},
            "packer": packer,
            "artifacts": publish.artifacts(desired.artifacts),
            "parameters": {"kernel_options": request.kernel_options, "variables": request.variables},
        },
        "hardening": {
            "met": [str(control["id"]) for control in desired.controls if "exempt" not in control],
            "exempt": {
                **{str(control["id"]): control["exempt"] for control in desired.controls if "exempt" in control},
                **request.exempt,
            },
        },
    }


def data_volume(request: Request) -> dict[str, Any]:
    """The data volume, if servers are to have one."""
    return {"data": {"device": request.data_device, "path": request.data_path}} if request.data_device else {}


def _installed_version() -> str:
    """Version of the collection where it was installed as a package, which has no galaxy.yml."""
    content = json.loads((build.ROOT / "MANIFEST.json").read_text())
    return str(content["collection_info"]["version"])


def write_about(
    made: Path, described: Mapping[str, Any], found: Mapping[str, Any], desired: offline.Expected, key: Any
) -> None:
    """Write all that is said about an image into its folder: manifest, bill, list of files, signed statements."""
    (made.parent / publish.FILES).rename(made / publish.FILES)
    (made / publish.MANIFEST).write_text(json.dumps(described, indent=1) + "\n")
    packages = [Package(*row) for row in found["packages"]]
    epoch = int(found["image"]["made"])
    (made / publish.BILL).write_text(sbom.text(str(described["name"]), epoch, packages, desired.artifacts))
    subjects = publish.subjects(made)
    publish.state(made, publish.PROVENANCE, subjects, publish.SLSA, publish.provenance(described), key)
    publish.state(
        made, publish.CHECKS, subjects, publish.TESTED, publish.results(publish.CHECKS, found["answers"]), key
    )
