# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images assembled from ready files, the same bytes for the same input.

One tar is both an OCI layout (OCI image specification 1.1) and what ``docker load`` reads (Docker image
specification 1.2), so Docker, Podman and containerd all take it and give the image the same configuration digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

EPOCH = "1970-01-01T00:00:00Z"


def assemble(image: Mapping[str, Any], files: Mapping[str, Path], architecture: str, target: Path) -> dict[str, str]:
    """Write the archive of an image (a manifest's ``images`` item); return its full name and its two digests.

    Docker knows an image by the digest of its configuration (``id``), containerd by that of its ``manifest``.
    ``files`` maps the outputs of the source to where they lie. The layer is kept beside the target while writing.
    """
    layer = target.with_suffix(".layer")
    with layer.open("wb") as writing:
        write_layer({path: files[output] for path, output in image["files"].items()}, writing)
    with layer.open("rb") as reading:
        layer_hex = hashlib.file_digest(reading, "sha256").hexdigest()
    config = _json(configuration(image, architecture, layer_hex))
    config_hex = hashlib.sha256(config).hexdigest()
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("config.v1+json", config_hex, len(config)),
            "layers": [_descriptor("layer.v1.tar", layer_hex, layer.stat().st_size)],
        }
    )
    manifest_hex = hashlib.sha256(manifest).hexdigest()
    described = _descriptor("manifest.v1+json", manifest_hex, len(manifest))
    described["annotations"] = {
        "io.containerd.image.name": full_name(image["name"]),
        "org.opencontainers.image.ref.name": image["name"].rsplit(":", 1)[1],
    }
    described["platform"] = {"architecture": architecture, "os": "linux"}
    blob = "blobs/sha256/{}".format
    docker = [{"Config": blob(config_hex), "RepoTags": [image["name"]], "Layers": [blob(layer_hex)]}]
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in ("blobs", "blobs/sha256"):
            archive.addfile(_member(folder, 0o755, folder=True))
        _add(archive, blob(config_hex), config)
        _add(archive, blob(manifest_hex), manifest)
        with layer.open("rb") as reading:
            archive.addfile(_member(blob(layer_hex), 0o644, layer.stat().st_size), reading)
        _add(archive, "index.json", _json({"schemaVersion": 2, "manifests": [described]}))
        _add(archive, "manifest.json", _json(docker))
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    layer.unlink()
    return {
        "name": image["name"],
        "full_name": full_name(image["name"]),
        "id": f"sha256:{config_hex}",
        "manifest": f"sha256:{manifest_hex}",
    }


def full_name(name: str) -> str:
    """The name containerd uses: with a registry (Docker's default rules)."""
    first, _, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if rest else f"docker.io/library/{name}"


def configuration(image: Mapping[str, Any], architecture: str, layer_hex: str) -> dict[str, Any]:
    """The OCI image configuration of a one-layer image."""
    settings: dict[str, Any] = {
        "Entrypoint": image.get("entrypoint"),
        "Cmd": image.get("command"),
        "Env": [f"{key}={value}" for key, value in sorted(image.get("environment", {}).items())],
        "User": image.get("user"),
        "WorkingDir": image.get("directory"),
    }
    return {
        "architecture": architecture,
        "os": "linux",
        "created": EPOCH,
        "config": {key: value for key, value in settings.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_hex}"]},
        "history": [{"created": EPOCH, "created_by": "keelson.cluster"}],
    }


def write_layer(files: Mapping[str, Path], writing: IO[bytes]) -> None:
    """Write a layer of executable files owned by root, with the folders above them; keys are absolute paths."""
    folders = {str(parent).lstrip("/") for path in files for parent in Path(path).parents} - {""}
    with tarfile.open(fileobj=writing, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in sorted(folders):
            archive.addfile(_member(folder, 0o755, folder=True))
        for path, source in sorted(files.items()):
            with source.open("rb") as reading:
                archive.addfile(_member(path.lstrip("/"), 0o755, source.stat().st_size), reading)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _descriptor(kind: str, digest_hex: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest_hex}", "size": size}


def _member(name: str, mode: int, size: int = 0, folder: bool = False) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.size = mode, size
    member.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    return member


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_member(name, 0o644, len(content)), io.BytesIO(content))
