# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: the same bytes for the same input, and readable by Docker's and OCI's rules."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import images
from bundle_world import Filling

IMAGE = {
    "name": "registry.example.com/pause:3.10",
    "files": {"/usr/bin/pause": "pause"},
    "entrypoint": ["/usr/bin/pause"],
    "environment": {"B": "2", "A": "1"},
    "user": "65535:65535",
}


def assemble(folder: Path, content: bytes = b"program") -> tuple[dict[str, str], bytes]:
    folder.mkdir()
    (folder / "pause").write_bytes(content)
    identity = images.assemble(IMAGE, {"pause": folder / "pause"}, None, "amd64", folder / "image.tar")
    return identity, (folder / "image.tar").read_bytes()


def test_same_input_gives_same_bytes(tmp_path: Path) -> None:
    first, first_bytes = assemble(tmp_path / "a")
    old = os.umask(0o077)
    try:
        second, second_bytes = assemble(tmp_path / "b")
    finally:
        os.umask(old)
    other, _ = assemble(tmp_path / "c", b"another")
    assert (first, first_bytes) == (second, second_bytes)
    assert other["id"] != first["id"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["image.tar", "pause"]


def unpack(content: bytes) -> dict[str, bytes]:
    """Files of a tar by name."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}  # type: ignore[union-attr]


def test_both_forms_lead_to_the_same_verified_blobs(tmp_path: Path) -> None:
    identity, content = assemble(tmp_path / "a")
    files = unpack(content)
    for name in files:
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(files[name]).hexdigest() == name.rsplit("/", 1)[1]
    [docker] = json.loads(files["manifest.json"])
    assert docker["RepoTags"] == ["registry.example.com/pause:3.10"]
    config = json.loads(files[docker["Config"]])
    assert identity["id"] == "sha256:" + docker["Config"].rsplit("/", 1)[1]
    assert config["config"] == {"Entrypoint": ["/usr/bin/pause"], "Env": ["A=1", "B=2"], "User": "65535:65535"}
    [layer] = docker["Layers"]
    assert config["rootfs"]["diff_ids"] == ["sha256:" + layer.rsplit("/", 1)[1]]
    [described] = json.loads(files["index.json"])["manifests"]
    assert described["digest"] == identity["manifest"]
    assert described["annotations"]["io.containerd.image.name"] == "registry.example.com/pause:3.10"
    manifest = json.loads(files["blobs/sha256/" + described["digest"][7:]])
    assert manifest["config"]["digest"] == identity["id"]
    with tarfile.open(fileobj=io.BytesIO(files[layer])) as inside:
        members = [(member.name, oct(member.mode), member.uid, member.mtime) for member in inside]
    assert members == [("usr", "0o755", 0, 0), ("usr/bin", "0o755", 0, 0), ("usr/bin/pause", "0o755", 0, 0)]


def deb_tree(files: dict[str, bytes], mtime: int) -> io.BytesIO:
    """A tar stream as dpkg-deb writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mtime, member.size, member.mode, member.uname = mtime, len(content), 0o755, "root"
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("./usr/bin/alias")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "nft", mtime
        archive.addfile(link)
    stream.seek(0)
    return stream


def package_layer(mtime: int) -> bytes:
    common = {"./": b"", "./usr/": b"", "./usr/bin/": b""}
    first = {**common, "./usr/bin/nft": b"nft", "./usr/share/man/man8/nft.8.gz": b"manual"}
    writing = io.BytesIO()
    images.write_packages([deb_tree(first, mtime), deb_tree({**common, "./lib/libnft.so.1": b"lib"}, mtime)], writing)
    return writing.getvalue()


def test_layer_of_packages_is_the_same_whenever_it_is_made() -> None:
    assert package_layer(1) == package_layer(2)
    assert unpack(package_layer(1)) == {"usr/bin/nft": b"nft", "lib/libnft.so.1": b"lib"}
    with tarfile.open(fileobj=io.BytesIO(package_layer(1))) as layer:
        assert layer.getnames() == ["usr", "usr/bin", "usr/bin/nft", "usr/bin/alias", "lib/libnft.so.1"]


def test_files_lie_above_packages(tmp_path: Path) -> None:
    (tmp_path / "base").write_bytes(package_layer(1))
    (tmp_path / "proxy").write_bytes(b"proxy")
    image = {"name": "x/proxy:1", "files": {"/usr/bin/proxy": "proxy"}, "links": {"/usr/sbin/nft": "/usr/bin/nft"}}
    images.assemble(image, {"proxy": tmp_path / "proxy"}, tmp_path / "base", "amd64", tmp_path / "image.tar")
    files = unpack((tmp_path / "image.tar").read_bytes())
    [docker] = json.loads(files["manifest.json"])
    base, top = docker["Layers"]
    assert set(unpack(files[base])) == {"usr/bin/nft", "lib/libnft.so.1"}
    with tarfile.open(fileobj=io.BytesIO(files[top])) as layer:
        assert layer.getnames() == ["usr", "usr/bin", "usr/sbin", "usr/bin/proxy", "usr/sbin/nft"]
        assert layer.getmember("usr/sbin/nft").linkname == "/usr/bin/nft"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("pause:1", "docker.io/library/pause:1"),
        ("keelson/sample-app:1", "docker.io/keelson/sample-app:1"),
        ("registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10.1"),
        ("localhost/x:1", "localhost/x:1"),
        ("host:5000/x:1", "host:5000/x:1"),
    ],
)
def test_full_name(name: str, full: str) -> None:
    assert images.full_name(name) == full


def test_image_of_an_artifact_is_kept_with_its_digests(filling: Filling, tmp_path: Path) -> None:
    image = {"name": "example/tool:{version}", "files": {"/tool": "tool"}, "entrypoint": ["/tool"]}
    filling.manifest(images=[image], files={}, links={})
    filling.fill(drop=filling.drop(tmp_path / "drop"))
    entry = filling.entry()
    [file] = entry["files"]
    assert file["path"] == "images/example_tool_1.0.0.tar"
    [noted] = entry["images"]
    assert noted["name"] == "example/tool:1.0.0"
    assert noted["full_name"] == "docker.io/example/tool:1.0.0"
    assert noted["path"] == file["path"]
    with tarfile.open(filling.store.blob(file["digest"])) as archive:
        assert f"blobs/sha256/{noted['id'][7:]}" in archive.getnames()
