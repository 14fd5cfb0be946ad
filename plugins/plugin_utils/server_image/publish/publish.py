# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A published image: a folder with the disk and all that is said about it, complete or not there at all.

C(manifest.json) describes it (docs/reference/image.schema.json). Statements, each signed, name the digests of the other
files: provenance.json (what it was built of and how), checks.json and boot.json (what it was tested for).
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import sign
from ...bundle.store import digest_of
from ..errors import ImageError

FORMAT = 1
#: The image itself: a disk, or the archive of a container image.
DISK, CONTAINER = "disk.qcow2", "container.tar"
MANIFEST, BILL, FILES, STATEMENTS = "manifest.json", "sbom.cdx.json", "files.gz", "statements"
PROVENANCE, CHECKS, BOOT = "provenance", "checks", "boot"
SLSA, TESTED = "https://slsa.dev/provenance/v1", "https://in-toto.io/attestation/test-result/v0.1"
#: What kind of statement each is.
KINDS = {PROVENANCE: SLSA, CHECKS: TESTED, BOOT: TESTED}
#: Names this way of building, for whoever judges provenance.
BUILD_TYPE = "https://github.com/keelson/cluster/packer/host_node@v1"
#: What of the collection decides about the contents of an image.
SOURCES = ("artifacts", "galaxy.yml", "packer", "plugins", "roles")


def moment(epoch: int) -> str:
    """A time as RFC 3339 has it, in UTC."""
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def collection_digest(root: Path) -> str:
    """The digest of the code that builds: of every file's name and contents."""
    found = hashlib.sha256()
    for top in SOURCES:
        for path in sorted([root / top, *(root / top).rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(root)}\0{digest_of(path)}\n".encode())
    return "sha256:" + found.hexdigest()


def artifacts(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The bundle's entries in the words of the manifest: name, version, and files by digest."""
    return [
        {
            "name": entry["name"],
            "version": entry["version"],
            "files": {item["path"]: item["digest"] for item in entry["files"]},
            "packages": sorted(entry["install"]),
        }
        for entry in entries
    ]


def provenance(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The predicate of SLSA provenance (https://slsa.dev/spec/v1.0/provenance) of what a manifest describes."""
    inputs = manifest["inputs"]
    materials = [("base", inputs["base"]["digest"]), ("collection", inputs["collection"]["digest"])]
    for entry in inputs["artifacts"]:
        materials += [(f"{entry['name']}@{entry['version']}/{path}", found) for path, found in entry["files"].items()]
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "engine": manifest["engine"],
                "builder": manifest["builder"],
                **inputs["parameters"],
            },
            "resolvedDependencies": [
                {"name": name, "digest": {"sha256": found.split(":")[1]}} for name, found in materials
            ],
        },
        "runDetails": {
            "builder": {"id": BUILD_TYPE, "version": {"packer": inputs["packer"]}},
            "metadata": {"startedOn": manifest["made"]},
        },
    }


def results(name: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The predicate of the result of test `name`; `answers` are checks, as those of a cluster."""
    named = [
        (f"{answer['check']}: {answer['title']}" + f" [{answer['target']}]" * bool(answer["target"]), answer)
        for answer in answers
    ]
    return {
        "result": "PASSED" if all(answer["passed"] for answer in answers) else "FAILED",
        "configuration": [{"name": name}],
        "passedTests": [name for name, answer in named if answer["passed"]],
        "failedTests": [name for name, answer in named if not answer["passed"]],
    }


def state(
    folder: Path, name: str, subjects: Mapping[str, str], kind: str, predicate: Mapping[str, Any], key: Any
) -> None:
    """Sign a statement about files of an image and put it beside them."""
    target = folder / STATEMENTS / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    beside = target.with_suffix(".part")
    beside.write_text(json.dumps(sign.envelope(sign.statement(subjects, kind, predicate), key), indent=1) + "\n")
    beside.replace(target)


def image_file(folder: Path) -> str:
    """The name of the file that is the image."""
    return CONTAINER if (folder / CONTAINER).exists() else DISK


def file_described(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the file that is the image: of a disk or a container image, each with digest and size."""
    found: dict[str, Any] = manifest.get("disk") or manifest["container"]
    return found


def subjects(folder: Path) -> dict[str, str]:
    """The files statements are about, with their digests as they are now."""
    return {name: digest_of(folder / name) for name in (image_file(folder), MANIFEST, BILL, FILES)}


def statement(folder: Path, name: str, key: Any, now: Mapping[str, str]) -> dict[str, Any]:
    """What a statement says; raise ImageError unless the trusted key signed it for the files as they are now."""
    path = folder / STATEMENTS / f"{name}.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ImageError(f"{folder.name} has no statement {name}: it was not tested for that") from error
    except ValueError as error:
        raise ImageError(f"{path}: not JSON ({error})") from error
    stated = sign.opened(content, key, str(path))
    about = {subject["name"]: f"sha256:{subject['digest']['sha256']}" for subject in stated["subject"]}
    for file in sorted({*about, *now}):
        if about.get(file, "not among them") != now.get(file, "nothing"):
            raise ImageError(
                f"{folder / file}: the file is {now.get(file, 'nothing')}, not what {name} was stated for "
                f"({about.get(file, 'not among them')}); it was altered"
            )
    predicate: dict[str, Any] = stated["predicate"]
    tested = [entry.get("name") for entry in predicate.get("configuration", [])]
    if stated["predicateType"] != KINDS[name] or (name != PROVENANCE and tested != [name]):
        raise ImageError(f"{path}: this is another statement under the name {name}; make the statement {name} anew")
    return predicate


def publish(made: Path, target: Path) -> None:
    """Give a complete folder its name in one step; one that had it goes."""
    for path in (made, *made.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    if target.exists():
        gone = made.with_name("replaced")
        target.rename(gone)
        made.rename(target)
        shutil.rmtree(gone)
    else:
        made.rename(target)


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a published image; raise ImageError when it is none."""
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ImageError(f"{folder}: no image is published there") from error
    except ValueError as error:
        raise ImageError(f"{path}: not JSON ({error})") from error
    if content.get("format") != FORMAT:
        raise ImageError(f"{path}: format {content.get('format')!r}, but this release reads format {FORMAT}")
    return content
