# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of container images: assembled from ready files, the same bytes for the same input, or of pulled parts.

One tar is both an OCI layout (OCI image specification 1.1) and what ``docker load`` reads (Docker image
specification 1.2), so Docker, Podman and containerd all take it and give the image the same configuration digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

EPOCH = "1970-01-01T00:00:00Z"
#: What containers never read; copyright files stay.
NOT_NEEDED = (
    "usr/share/man/",
    "usr/share/locale/",
    "usr/share/lintian/",
    "usr/share/info/",
    "usr/share/bash-completion/",
)


def assemble(
    image: Mapping[str, Any], files: Mapping[str, Path], base: Path | None, architecture: str, target: Path
) -> dict[str, str]:
    """Write the archive of an image (a manifest's ``images`` item); return its names and its two digests.

    Docker knows an image by the digest of its configuration (``id``), containerd by that of its ``manifest``.
    ``files`` maps the outputs of the source to where they lie; ``base`` is a first layer, or None. The layer of the
    files is kept beside the target while writing.
    """
    top = target.with_suffix(".layer")
    with top.open("wb") as writing:
        placed = {path: files[output] for path, output in image.get("files", {}).items()}
        write_layer(placed, image.get("links", {}), writing)
    layers = {_hex(path): path for path in (base, top) if path is not None}
    config = _json(configuration(image, architecture, list(layers)))
    config_hex = hashlib.sha256(config).hexdigest()
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("config.v1+json", config_hex, len(config)),
            "layers": [_descriptor("layer.v1.tar", key, path.stat().st_size) for key, path in layers.items()],
        }
    )
    described = pack(image["name"], manifest, config, layers, architecture, target)
    top.unlink()
    return described


def pack(
    name: str, manifest: bytes, config: bytes, layers: Mapping[str, Path], architecture: str, target: Path
) -> dict[str, str]:
    """Write the archive of an image of these bytes; ``layers`` maps digests (hexadecimal) to files, lowest first."""
    manifest_hex, config_hex = hashlib.sha256(manifest).hexdigest(), hashlib.sha256(config).hexdigest()
    described = {
        "mediaType": json.loads(manifest).get("mediaType", "application/vnd.oci.image.manifest.v1+json"),
        "digest": f"sha256:{manifest_hex}",
        "size": len(manifest),
        "annotations": {
            "io.containerd.image.name": full_name(name),
            "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1],
        },
        "platform": {"architecture": architecture, "os": "linux"},
    }
    blob = "blobs/sha256/{}".format
    docker = [{"Config": blob(config_hex), "RepoTags": [name], "Layers": [blob(key) for key in layers]}]
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in ("blobs", "blobs/sha256"):
            archive.addfile(_member(folder, 0o755, folder=True))
        _add(archive, blob(config_hex), config)
        _add(archive, blob(manifest_hex), manifest)
        for key, path in layers.items():
            with path.open("rb") as reading:
                archive.addfile(_member(blob(key), 0o644, path.stat().st_size), reading)
        _add(archive, "index.json", _json({"schemaVersion": 2, "manifests": [described]}))
        _add(archive, "manifest.json", _json(docker))
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    return {
        "name": name,
        "full_name": full_name(name),
        "id": f"sha256:{config_hex}",
        "manifest": f"sha256:{manifest_hex}",
    }


def full_name(name: str) -> str:
    """The name containerd uses: with a registry (Docker's default rules)."""
    first, _slash, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if rest else f"docker.io/library/{name}"


def configuration(image: Mapping[str, Any], architecture: str, layers: Sequence[str]) -> dict[str, Any]:
    """The OCI image configuration of an image; ``layers`` are digests (hexadecimal), lowest first."""
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
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}" for layer in layers]},
        "history": [{"created": EPOCH, "created_by": "keelson.cluster"} for _layer in layers],
    }


def write_layer(files: Mapping[str, Path], links: Mapping[str, str], writing: IO[bytes]) -> None:
    """Write a layer of executable files and links owned by root, with the folders above; keys are absolute paths."""
    folders = {str(parent).lstrip("/") for path in [*files, *links] for parent in Path(path).parents} - {""}
    with tarfile.open(fileobj=writing, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in sorted(folders):
            archive.addfile(_member(folder, 0o755, folder=True))
        for path, source in sorted(files.items()):
            with source.open("rb") as reading:
                archive.addfile(_member(path.lstrip("/"), 0o755, source.stat().st_size), reading)
        for path, leads_to in sorted(links.items()):
            member = _member(path.lstrip("/"), 0o777)
            member.type, member.linkname = tarfile.SYMTYPE, leads_to
            archive.addfile(member)


def write_packages(trees: Iterable[IO[bytes]], writing: IO[bytes]) -> None:
    """Write a layer of what packages contain, from their tar streams, without documentation."""
    seen: set[str] = set()
    with tarfile.open(fileobj=writing, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for tree in trees:
            with tarfile.open(fileobj=tree, mode="r|") as package:
                for member in package:
                    member.name = member.name.removeprefix("./").rstrip("/")
                    if member.name in ("", ".") or member.name in seen or member.name.startswith(NOT_NEEDED):
                        continue
                    seen.add(member.name)
                    member.mtime, member.uname, member.gname = 0, "", ""
                    member.linkname = member.linkname.removeprefix("./") if member.islnk() else member.linkname
                    archive.addfile(member, package.extractfile(member) if member.isfile() else None)


def _hex(path: Path) -> str:
    with path.open("rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()


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
