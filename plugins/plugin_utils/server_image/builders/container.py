# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container image of a host node: systemd and all services in it, and nothing that only a machine of its own needs.

The file is an archive as C(docker load) and C(podman load) take it. It is made of the root file system that the
container left, on this machine: what a machine needs is removed, the rest is sealed as a disk's is.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shlex
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle import images
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES
from ansible_collections.keelson.cluster.plugins.module_utils.server_image import docker_data, seal, seal_running

from ...bundle.store import digest_of
from ..assembly import base, disk, tree
from ..assembly.programs import run
from ..assembly.spec import TREE, BuildSpec
from ..errors import ImageError

RECIPE = Path(__file__).resolve().parents[4] / "packer/host_node/builders/docker/container.json"
#: The name under which the base is known to the container program of a build.
BASE_NAME = "localhost/base:build"
#: The root file system that the container left.
LEFT = "left/container.tar"
#: What a runtime keeps lies on the builder's disk, not in the container, whose overlay it could not be laid on.
DATA = {name: runtime.data for name, runtime in RUNTIMES.items()}
#: Given to every container by what runs it.
GIVEN = ("etc/fstab", "etc/hosts", "etc/resolv.conf")


#: Podman with containers, images and locks of its own. It takes no path of the run root that is longer than 50 letters.
PODMAN = """\
#!/bin/sh
cd {work}/own && export CONTAINERS_CONF=$PWD/containers.conf
exec {podman} --root "$PWD/storage" --runroot run --tmpdir "$PWD/libpod" "$@"
"""
SETTINGS = '[engine]\ncgroup_manager = "cgroupfs"\nlock_type = "file"\nruntime = "runc"\n'


def recipe() -> dict[str, Any]:
    """What a container has not: C(without) packages, C(masked) units, and C(exempt) controls with their reasons."""
    content: dict[str, Any] = json.loads(RECIPE.read_text())
    return content


def begin(work: Path, spec: BuildSpec, tell: Callable[[str], None]) -> None:
    """Bring a Podman whose containers and images are this build's alone, and the base as one of its images."""
    used = base.used(work, spec, tell)
    for name in DATA:
        (work / "data" / name).mkdir(parents=True)
    (work / LEFT).parent.mkdir()
    podman = shutil.which("podman")
    if not podman:
        raise ImageError(
            "builder docker needs podman, which is not installed on this machine; install it and run again"
        )
    (work / "own").mkdir()
    (work / "own/containers.conf").write_text(SETTINGS)
    program = work / "podman"
    program.write_text(PODMAN.format(work=shlex.quote(str(work)), podman=shlex.quote(podman)))
    program.chmod(0o755)
    tell("import the base")
    run([str(program), "import", "--quiet", str(used.path), BASE_NAME])


def name(spec: BuildSpec) -> str:
    """The image's own name, by which a container program knows it once it is loaded."""
    return f"localhost/{spec.name.rpartition('-')[0].lower()}:{spec.name.rpartition('-')[2]}"


def finish(work: Path, spec: BuildSpec, target: Path) -> None:
    """Make the archive of the root file system that the container left."""
    root = work / TREE
    root.mkdir()
    run(["tar", "-x", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", str(root), "-f", str(work / LEFT)])
    (work / LEFT).unlink()
    for data, path in DATA.items():
        if any((work / "data" / data).iterdir()):
            shutil.rmtree(root / path, ignore_errors=True)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (work / "data" / data).rename(root / path)
    strip(root, recipe())
    seal.seal(root, spec.unshared)
    docker_data.settle(root)
    seal_running.label(root, spec.label)
    for path in GIVEN:
        (root / path).unlink(missing_ok=True)
    disk.clamp(root, spec.epoch)
    pack(root, name(spec), spec.architecture, target)


def strip(root: Path, desired: dict[str, Any]) -> None:
    """Remove packages that only a machine needs, and mask units that a container has no device or right for."""
    argv = ["apt-get", "--quiet", "--yes", "--auto-remove", "-o", "APT::AutoRemove::RecommendsImportant=false", "purge"]
    tree.run(root, ["env", "DEBIAN_FRONTEND=noninteractive", *argv, *desired["without"]])
    for unit in desired["masked"]:
        path = root / "etc/systemd/system" / unit
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to("/dev/null")


def pack(root: Path, called: str, architecture: str, target: Path) -> None:
    """Write a root file system as an image of one layer, the same bytes for the same tree."""
    plain, packed = target.with_suffix(".layer"), target.with_suffix(".layer.gz")
    argv = ["tar", "-c", "--sort=name", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--format=posix"]
    argv += ["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]
    run([*argv, "-C", str(root), "-f", str(plain), "."])
    inside = digest_of(plain).removeprefix("sha256:")
    with plain.open("rb") as reading, packed.open("wb") as raw, gzip.GzipFile("", "wb", 3, raw, mtime=0) as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)
    plain.unlink()
    outside = digest_of(packed).removeprefix("sha256:")
    configuration = images.configuration({"command": ["/lib/systemd/systemd"]}, architecture, [inside])
    configuration["config"]["StopSignal"] = "SIGRTMIN+3"
    config = json.dumps(configuration, sort_keys=True).encode()
    kind = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}manifest.v1+json",
        "config": described(f"{kind}config.v1+json", hashlib.sha256(config).hexdigest(), len(config)),
        "layers": [described(f"{kind}layer.v1.tar+gzip", outside, packed.stat().st_size)],
    }
    images.pack(called, json.dumps(manifest, sort_keys=True).encode(), config, {outside: packed}, architecture, target)
    packed.unlink()


def described(kind: str, digest: str, size: int) -> dict[str, Any]:
    """A descriptor of the OCI image specification."""
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def known(file: Path) -> dict[str, str]:
    """How container programs know the image of an archive: its C(name), and the digests C(id) and C(manifest)."""
    with tarfile.open(file) as archive:
        index = json.load(_member(archive, "index.json", file))["manifests"][0]
        entry = json.load(_member(archive, "manifest.json", file))[0]
    config = entry["Config"].rpartition("/")[2]
    return {"name": entry["RepoTags"][0], "id": f"sha256:{config}", "manifest": index["digest"]}


def unpack(file: Path, place: Path) -> None:
    """Unpack the root file system of an archive; raise ImageError unless every part has the digest it is named by."""
    with tarfile.open(file) as archive:
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith("blobs/sha256/"):
                found = hashlib.sha256()
                reading = _member(archive, member.name, file)
                while part := reading.read(1 << 20):
                    found.update(part)
                if found.hexdigest() != member.name.rpartition("/")[2]:
                    raise ImageError(f"{file}: {member.name} is sha256:{found.hexdigest()}")
        (layer,) = json.load(_member(archive, "manifest.json", file))[0]["Layers"]
        blob = place.with_suffix(".layer")
        with blob.open("wb") as writing:
            shutil.copyfileobj(_member(archive, layer, file), writing, 1 << 20)
    run(["tar", "-xz", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", str(place), "-f", str(blob)])
    blob.unlink()


def _member(archive: tarfile.TarFile, called: str, file: Path) -> IO[bytes]:
    try:
        found = archive.extractfile(called)
    except KeyError:
        found = None
    if found is None:
        raise ImageError(f"{file}: no {called} is in it, so it is not the archive of a container image")
    return found
