# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests: one data file an artifact, read, checked and resolved for one version and architecture."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.python_packages import missing

from .errors import BundleError

try:
    import yaml
except ImportError:  # the controller always has it: Ansible needs it
    yaml = None  # type: ignore[assignment,unused-ignore]

try:
    import jsonschema
except ImportError:
    jsonschema = None  # type: ignore[assignment,unused-ignore]

#: Debian's and Go's name of an architecture: the kernel's (``uname -m``).
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

SHIPPED = Path(__file__).resolve().parents[3] / "artifacts"


@dataclass(frozen=True)
class Artifact:
    """One artifact of one version for one architecture, every placeholder filled in."""

    name: str
    version: str
    architecture: str
    licence: str
    base: Path
    sources: Sequence[Mapping[str, Any]]
    files: Mapping[str, str]
    links: Mapping[str, str]
    images: Sequence[Mapping[str, Any]]

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"{self.name} {self.version} ({self.architecture})"

    def outputs(self, whole: Container[str] = ()) -> set[str]:
        """Names of the files a source must deliver that delivers ``whole`` images by these names."""
        assembled = [image for image in self.images if image["name"] not in whole]
        return set(self.files) | {output for image in assembled for output in image.get("files", {}).values()}


def load(name: str, folders: Sequence[Path] = (SHIPPED,)) -> tuple[Path, dict[str, Any]]:
    """Read the manifest of an artifact from the first folder that has it; raise BundleError if none has."""
    if yaml is None:
        raise BundleError(missing("PyYAML"))
    for folder in folders:
        path = folder / f"{name}.yml"
        if not path.is_file():
            continue
        try:
            data = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            raise BundleError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
        if not isinstance(data, dict) or data.get("name") != name:
            raise BundleError(f"{path}: 'name' must be {name!r}, as the file is called")
        return path, data
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yml")})
    places = ", ".join(map(str, folders))
    raise BundleError(f"unknown artifact {name!r}: {places} has manifests of {', '.join(known) or 'nothing'}")


def default_version(path: Path, data: Mapping[str, Any]) -> str:
    """The version that is used when none is asked for: the manifest's first."""
    try:
        return str(data["versions"][0]["version"])
    except (KeyError, IndexError, TypeError) as error:
        raise BundleError(f"{path}: 'versions' must be a list of mappings with 'version'") from error


def validate(path: Path, data: Mapping[str, Any]) -> None:
    """Check a manifest against artifacts/manifest.schema.json; raise BundleError naming the key at fault."""
    if jsonschema is None:
        raise BundleError(missing("jsonschema"))
    schema = json.loads((SHIPPED / "manifest.schema.json").read_text())
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(data))
    # A key counts as unexpected as soon as its value is wrong, so such faults speak only when there is no other.
    telling = [fault for fault in faults if fault.validator != "unevaluatedProperties"]
    fault = jsonschema.exceptions.best_match(telling or faults)
    if fault is not None:
        where = ".".join(map(str, fault.absolute_path)) or "top level"
        raise BundleError(f"{path}: {where}: {fault.message}")


def resolve(path: Path, data: Mapping[str, Any], version: str | None, architecture: str) -> Artifact:
    """Choose a version and an architecture of a checked manifest and fill in the placeholders."""
    desired = version or default_version(path, data)
    chosen = next((item for item in data["versions"] if item["version"] == desired), None)
    if chosen is None:
        known = ", ".join(item["version"] for item in data["versions"])
        raise BundleError(f"{path}: has no version {desired} (it lists {known})")
    if architecture not in data["architectures"]:
        known = ", ".join(data["architectures"])
        raise BundleError(f"{path}: has no architecture {architecture} (it lists {known})")
    pins = chosen.get("pins", {})
    words = {**chosen, "architecture": architecture, "machine": MACHINES[architecture]}

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"{([a-z][a-z0-9_]*)}", lambda match: word(match[1]), value)
        if isinstance(value, Mapping):
            return {fill(key): fill(item) for key, item in value.items()}
        return [fill(item) for item in value] if isinstance(value, list) else value

    def word(key: str) -> str:
        if key not in words:
            raise BundleError(f"{path}: unknown placeholder {{{key}}} (known: {', '.join(sorted(words))})")
        return str(words[key])

    sources = [
        fill(pinned(source, pins))
        for source in data["sources"]
        if desired in source.get("versions", [desired]) and architecture in source.get("architectures", [architecture])
    ]
    artifact = Artifact(
        name=data["name"],
        version=desired,
        architecture=architecture,
        licence=data["licence"],
        base=path.parent,
        sources=sources,
        files=fill(data.get("files", {})),
        links=fill(data.get("links", {})),
        images=fill(data.get("images", [])),
    )
    for link, target in artifact.links.items():
        if target not in artifact.files:
            raise BundleError(f"{path}: link {link} leads to {target!r}, which is not among 'files'")
    return artifact


def pinned(source: Mapping[str, Any], pins: Mapping[str, str]) -> Mapping[str, Any]:
    """A source with the pins of a version: of its release file by architecture, of its images by name."""
    if source["kind"] != "upstream" or not pins:
        return source
    files = {key: value for key, value in pins.items() if key in MACHINES}
    found = {**source, "sha256": {**source.get("sha256", {}), **files}} if files and "url" in source else source
    images = {name: pins.get(name, digest) for name, digest in source.get("images", {}).items()}
    return {**found, "images": images} if images else found


def find(name: str, version: str | None, architecture: str, folders: Sequence[Path] = (SHIPPED,)) -> Artifact:
    """Load, check and resolve in one go."""
    path, data = load(name, folders)
    validate(path, data)
    return resolve(path, data, version, architecture)
