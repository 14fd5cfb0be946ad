# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of an upstream source, pulled from a fake registry that speaks the distribution protocol."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import logins
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.fetch import Fetcher
from bundle_world import Filling

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def sha(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class FakeRegistry:
    """A registry on loopback: one repository ``team/tool``; blobs lie on another host, as public registries have it."""

    def __init__(self, token: str = "", login: str = "") -> None:
        self.content: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.token = token
        self.login = login
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append((self.path, self.headers.get("Authorization") or ""))
                guarded = self.path.startswith("/token" if registry.token else "/v2/")
                if registry.login and guarded and self.headers.get("Authorization") != f"Basic {registry.login}":
                    self.answer(401, b"", **{"WWW-Authenticate": 'Basic realm="fake"'})
                elif self.path.startswith("/token"):
                    self.answer(200, json.dumps({"token": registry.token}).encode())
                elif self.path.startswith("/store/"):
                    body = registry.content.get(self.path.removeprefix("/store/"))
                    self.answer(200 if body is not None else 404, body or b"")
                elif registry.token and self.headers.get("Authorization") != f"Bearer {registry.token}":
                    where = f'Bearer realm="{registry.url}/token",service="fake",scope="repository:team/tool:pull"'
                    self.answer(401, b"", **{"WWW-Authenticate": where})
                elif self.path.startswith("/v2/team/tool/blobs/"):
                    away = registry.url.replace("127.0.0.1", "127.0.0.2")
                    self.answer(307, b"", Location=f"{away}/store/{self.path.rpartition('/')[2]}")
                else:
                    body = registry.content.get(self.path.removeprefix("/v2/team/tool/manifests/"))
                    self.answer(200 if body is not None else 404, body or b"")

            def answer(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for key, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, content: bytes) -> dict[str, Any]:
        self.content[sha(content)] = content
        return {"digest": sha(content), "size": len(content)}

    def publish(self, tag: str) -> str:
        """An image for amd64 and an attestation beside it; return the digest of the index."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as layer:
            member = tarfile.TarInfo("tool")
            member.size = 4
            layer.addfile(member, io.BytesIO(b"tool"))
        config = self.put(json.dumps({"architecture": "amd64", "os": "linux"}).encode())
        layers = [
            {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **self.put(gzip.compress(packed.getvalue()))}
        ]
        manifest = self.put(
            json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).encode()
        )
        entries = [
            {"mediaType": MANIFEST, **manifest, "platform": {"os": "unknown", "architecture": "unknown"}},
            {"mediaType": MANIFEST, **manifest, "platform": {"os": "linux", "architecture": "amd64"}},
        ]
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self.content[tag] = index
        return str(self.put(index)["digest"])


@pytest.fixture(params=["", "pass"], ids=["open", "token"])
def registry(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    serving = FakeRegistry(request.param)
    yield serving
    serving.close()


def tool(filling: Filling, registry: FakeRegistry, digest: str) -> str:
    """The manifest of a tool that is nothing but an image."""
    name = f"{registry.host}/team/tool:v1.0.0"
    filling.manifest(
        sources=[{"kind": "upstream", "images": {name: digest}}],
        images=[{"name": name, "files": {"/tool": "tool"}}],
        files={},
        links={},
    )
    return name


@pytest.mark.parametrize("pinned", [True, False])
def test_image_is_pulled_and_kept_as_its_registry_has_it(
    filling: Filling, registry: FakeRegistry, pinned: bool
) -> None:
    digest = registry.publish("v1.0.0")
    name = tool(filling, registry, digest if pinned else "")
    filling.fill()
    (image,) = filling.entry()["images"]
    (file,) = filling.entry()["files"]
    index = json.loads(registry.content[digest])
    assert image["name"] == image["full_name"] == name and image["manifest"] == index["manifests"][1]["digest"]
    with tarfile.open(filling.store.blob(file["digest"])) as archive:
        held = {member.name for member in archive}
        assert {f"blobs/sha256/{key[7:]}" for key in registry.content if key.startswith("sha256:")} - {
            f"blobs/sha256/{digest[7:]}"
        } <= held
        listed = json.load(archive.extractfile("index.json"))  # type: ignore[arg-type]
    assert listed["manifests"][0]["annotations"]["io.containerd.image.name"] == name
    away = [sent for path, sent in registry.asked if path.startswith("/store/")]
    assert away and not any(away), "the registry's token must not go to the host of the blobs"


def test_image_that_is_not_what_was_pinned_is_kept_nowhere(filling: Filling, registry: FakeRegistry) -> None:
    digest = registry.publish("v1.0.0")
    registry.content[digest] += b" "
    tool(filling, registry, digest)
    with pytest.raises(BundleError, match=rf"/team/tool:v1.0.0: wrong digest: sha256:.*, expected {digest}"):
        filling.fill()
    assert not filling.blobs()


def test_layer_that_was_changed_is_kept_nowhere(filling: Filling, registry: FakeRegistry) -> None:
    tool(filling, registry, registry.publish("v1.0.0"))
    layer = next(key for key, value in registry.content.items() if value[:2] == b"\x1f\x8b")
    registry.content[layer] += b" "
    with pytest.raises(BundleError, match=r"wrong digest of a layer: sha256:.*, expected sha256:"):
        filling.fill()
    assert not filling.blobs()


def test_registry_that_lacks_the_image_gives_way(filling: Filling, registry: FakeRegistry) -> None:
    tool(filling, registry, "")
    with pytest.raises(BundleError, match=r"no source works here: upstream: .*manifests/v1.0.0: answered 404"):
        filling.fill()
    registry.publish("v1.0.0")
    with pytest.raises(BundleError, match=r"has no image for arm64 \(it has amd64\)"):
        filling.fill(architectures=("arm64",))


LOGIN = base64.b64encode(b"puller:secret").decode()


def log_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, variable: str = "REGISTRY_AUTH_FILE") -> None:
    file = tmp_path / "auth.json" if variable == "REGISTRY_AUTH_FILE" else tmp_path / "containers" / "auth.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"auths": {name: {"auth": LOGIN}}}))
    monkeypatch.setenv(variable, str(file if variable == "REGISTRY_AUTH_FILE" else tmp_path))


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_a_registry_that_needs_a_login(
    filling: Filling, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = FakeRegistry("pass" if kind == "token" else "", LOGIN)
    try:
        name = tool(filling, registry, registry.publish("v1.0.0"))
        with pytest.raises(BundleError, match=f"nobody has logged in here; run podman login {registry.host}"):
            filling.fill()
        log_in(monkeypatch, tmp_path, f"{registry.host}/team")
        filling.fill()
        assert filling.entry()["images"][0]["name"] == name
        sent = {path.partition("?")[0]: header for path, header in registry.asked if header}
        assert sent.get("/token", f"Basic {LOGIN}") == f"Basic {LOGIN}"
        assert not any(header for path, header in registry.asked if path.startswith("/store/"))
    finally:
        registry.close()


def test_a_login_that_is_not_taken(filling: Filling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = FakeRegistry("", "b3RoZXI6eA==")
    try:
        tool(filling, registry, registry.publish("v1.0.0"))
        log_in(monkeypatch, tmp_path, registry.host)
        with pytest.raises(BundleError, match="the login that this machine has is not taken"):
            filling.fill()
    finally:
        registry.close()


def test_another_registry_is_asked_instead(filling: Filling, registry: FakeRegistry) -> None:
    digest = registry.publish("v1.0.0")
    filling.manifest(
        sources=[{"kind": "upstream", "images": {"registry.example.com/tool:v1.0.0": digest}}],
        images=[{"name": "registry.example.com/tool:v1.0.0", "files": {"/tool": "tool"}}],
        files={},
        links={},
    )
    filling.fill(fetcher=Fetcher(patience=2, registries={"registry.example.com": f"{registry.host}/team"}))
    assert filling.entry()["images"][0]["name"] == "registry.example.com/tool:v1.0.0"


@pytest.mark.parametrize(
    ("auths", "host", "found"),
    [
        ({"a.example.com": "1"}, "a.example.com", "1"),
        ({"a.example.com": "1", "a.example.com/team": "2"}, "a.example.com", "2"),
        ({"a.example.com": "1", "a.example.com/te": "2"}, "a.example.com", "1"),
        ({"https://a.example.com/": "3"}, "a.example.com", "3"),
        ({"https://index.docker.io/v1/": "4"}, "docker.io", "4"),
        ({"b.example.com": "1"}, "a.example.com", ""),
        ({}, "a.example.com", ""),
    ],
)
def test_whose_login_it_is(auths: dict[str, str], host: str, found: str, tmp_path: Path) -> None:
    file = tmp_path / "containers" / "auth.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auths": {name: {"auth": text} for name, text in auths.items()}}))
    environment = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    assert logins.login(environment, host, "team/tool") == found
    file.write_text("{")
    with pytest.raises(BundleError, match=r"auth\.json: cannot be read"):
        logins.login(environment, host, "team/tool")
    file.unlink()
    old = tmp_path / ".docker" / "config.json"
    old.parent.mkdir()
    old.write_text(json.dumps({"auths": {host: {"auth": "5"}}, "credsStore": "x"}))
    assert logins.login(environment, host, "team/tool") == "5"
