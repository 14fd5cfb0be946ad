# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A publisher on loopback, an OpenPGP key of the test's own, and a bundle to fill."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.fetch import Fetcher
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.fill import FillRequest, fill
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store

BUMP = Path(__file__).parents[3] / "tools" / "bump"


class Publisher:
    """A release host: what each path answers can be changed by a test."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.status: dict[str, int] = {}
        self.cut: set[str] = set()
        self.asked: list[str] = []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked.append(self.path)
                status = publisher.status.get(self.path, 200 if self.path in publisher.files else 404)
                body = publisher.files.get(self.path, b"") if status == 200 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if self.path in publisher.cut else body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def release(self, key: Key, name: str = "tool", version: str = "1.0.0") -> None:
        """Publish as HashiCorp does: a zip for each platform, SHA256SUMS, and its detached signature."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, f"#!/bin/sh\necho {name} {version}\n")
            archive.writestr("LICENSE.txt", "free")
        folder = f"/{name}/{version}/{name}_{version}"
        self.files[f"{folder}_linux_amd64.zip"] = packed.getvalue()
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        sums = f"{'0' * 64}  {name}_{version}_darwin_arm64.zip\n{digest}  {name}_{version}_linux_amd64.zip\n".encode()
        self.files[f"{folder}_SHA256SUMS"] = sums
        self.files[f"{folder}_SHA256SUMS.sig"] = key.sign(sums)


class Key:
    """An OpenPGP key made by gpg in a home of its own."""

    def __init__(self, home: Path, expires: str = "0", at: str | None = None) -> None:
        home.mkdir(mode=0o700)
        self._base = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--passphrase", ""]
        self._run([*self._time(at), "--quick-gen-key", "Test <test@example.com>", "ed25519", "sign", expires])
        listing = self._run(["--with-colons", "--list-keys"]).decode()
        self.fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
        self._at = at

    @staticmethod
    def _time(at: str | None) -> list[str]:
        return [f"--faked-system-time={at}"] if at else []

    def _run(self, arguments: list[str], stdin: bytes = b"") -> bytes:
        return subprocess.run([*self._base, *arguments], input=stdin, capture_output=True, check=True).stdout

    def sign(self, content: bytes) -> bytes:
        return self._run([*self._time(self._at), "--detach-sign"], content)

    def save(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.fingerprint}.asc"
        path.write_bytes(self._run(["--armor", "--export"]))
        return path


class Filling:
    """Manifests and a bundle in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        self.store = Store(folder / "bundle")
        self.said: list[str] = []

    def manifest(self, **changes: Any) -> None:
        data = {
            "name": "tool",
            "summary": "A tool",
            "licence": "MIT",
            "versions": [{"version": "1.0.0"}],
            "architectures": ["amd64", "arm64"],
            "sources": [{"kind": "directory"}],
            "files": {"tool": "0755"},
            "links": {"/usr/local/bin/tool": "tool"},
            **changes,
        }
        (self.manifests / f"{data['name']}.yml").write_text(yaml.safe_dump(data))

    def fill(self, *names: str, **options: Any) -> list[dict[str, Any]]:
        request = FillRequest(
            artifacts=names or ("tool",),
            architectures=options.pop("architectures", ("amd64",)),
            manifests=[self.manifests],
            **{"fetcher": Fetcher(patience=2), **options},
        )
        return fill(self.store, request, self.said.append)

    def entry(self, name: str = "tool", version: str = "1.0.0", architecture: str = "amd64") -> dict[str, Any]:
        found: dict[str, Any] = self.store.index()["artifacts"][name][version][architecture]
        return found

    def blobs(self) -> set[str]:
        folder = self.store.root / "blobs" / "sha256"
        return {path.name for path in folder.iterdir()} if folder.exists() else set()

    def drop(self, folder: Path, content: bytes = b"#!/bin/sh\n", **sums: str) -> Path:
        """A drop folder with the tool and its checksum file."""
        place = folder / "tool" / "1.0.0" / "amd64"
        place.mkdir(parents=True, exist_ok=True)
        (place / "tool").write_bytes(content)
        digest = sums.get("digest", hashlib.sha256(content).hexdigest())
        (place / "SHA256SUMS").write_text(f"{digest}  tool\n")
        return folder


def upstream(publisher: Publisher, key: Key) -> dict[str, Any]:
    """The source as the manifest of a HashiCorp program writes it."""
    place = publisher.url + "/tool/{version}/tool_{version}"
    sums = {"url": f"{place}_SHA256SUMS", "signature": f"{place}_SHA256SUMS.sig", "key": key.fingerprint}
    return {
        "kind": "upstream",
        "url": place + "_linux_{architecture}.zip",
        "members": {"tool": "tool"},
        "sums": sums,
    }


def entry_of(files: Mapping[str, bytes], staged: Path, version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    """An index entry of files, whose blobs are staged."""
    staged.mkdir(exist_ok=True)
    listed = []
    for path, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        (staged / digest).write_bytes(content)
        listed.append({"path": path, "digest": f"sha256:{digest}", "size": len(content), "mode": "0755"})
    empty = {"links": {}, "images": [], "packages": [], "install": [], "package_list": None, "distribution": None}
    return {"name": "tool", "version": version, "architecture": "amd64", "files": listed, **empty, **more}


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, as small as asked (needs root)."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "keelson-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def have(*programs: str) -> bool:
    return all(shutil.which(program) for program in programs)


def bump(filling: Filling, version: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run tools/bump on the tool."""
    command = [sys.executable, str(BUMP), "tool", version, "--folder", str(filling.manifests), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def is_root() -> bool:
    return os.geteuid() == 0


def dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
