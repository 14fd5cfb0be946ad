# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new host and the desk on a manager, both real, with the engine played by a fake."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils import host_files, pki, secret_store
from ansible_collections.keelson.cluster.plugins.module_utils.admission import join, serve, tokens
from ansible_collections.keelson.cluster.plugins.module_utils.admission.tokens import Token
from cryptography import x509
from cryptography.x509.oid import ExtensionOID


class FakeEngine:
    """An engine's module `admission`: tokens in a dictionary, and an introduction that is a file."""

    NAMES = ("client.global.fake", "localhost")

    def __init__(self) -> None:
        self.kept: dict[str, Token] = {}
        self.live: dict[str, str] = {}
        self.Desk = SimpleNamespace(open=lambda _cluster: self)

    def issue(self, hosts: int = 1, seconds: float = 3600) -> str:
        token, text = tokens.make("web", hosts, seconds, time.time())
        self.kept[token.number] = token
        return text

    def change(self, number: str, step: Callable[[Token | None], Token]) -> Token:
        self.kept[number] = step(self.kept.get(number))
        return self.kept[number]

    def holder(self, name: str) -> str:
        return self.live.get(name, "")

    def introduce(self, name: str, pool: str) -> list[dict[str, Any]]:
        return [{"path": "@/introduction", "content": f"{name} of {pool}", "mode": "0600"}]


class World:
    """A cluster with one desk, and a new host below a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.engine = folder, FakeEngine()
        self.ca = pki.make_ca("product")
        pair = pki.issue(self.ca, pki.sort_names("m1", ["127.0.0.1"]), 10)
        (folder / "cert.pem").write_text(pair.certificate)
        (folder / "key.pem").write_text(pair.key)
        payload = {"ca_certificate": self.ca.certificate, "ca_key": self.ca.key}
        secret_store.write(
            "product", secret_store.Generation(1, secret_store.digest_of(1, payload), payload), str(folder)
        )
        monkeypatch.setattr(serve, "read_newest", lambda cluster: secret_store.read_newest(cluster, str(folder)))
        agent = {"name": "NAME.placeholder", "bind_addr": "ADDRESS.placeholder"}
        self.pool = {
            "files": [{"path": "@/agent.json", "data": agent, "mode": "0600"}],
            "units": ["agent.service"],
            "ca": "@/ca.pem",
            "certificate": "@/host.pem",
            "key": "@/host.key",
            "certificate_days": 30,
        }
        (folder / "web.json").write_text(json.dumps(self.pool))
        counter = serve.Counter("product", self.engine, str(folder / "{pool}.json"))
        self.server = serve.Server(("127.0.0.1", 0), counter, str(folder / "cert.pem"), str(folder / "key.pem"))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.commands: list[list[str]] = []
        bring = host_files.bring_all_about

        def placed(entries: list[dict[str, Any]], check: bool, changes: list[Any]) -> None:
            bring([{**e, "path": e["path"].replace("@", str(folder / "host"))} for e in entries], check, changes)

        def command(arguments: list[str], **options: Any) -> Any:
            if arguments[0] == "systemctl":
                self.commands.append(arguments[1:])
                return None
            return run(arguments, **options)

        run = subprocess.run
        monkeypatch.setattr(join.host_files, "bring_all_about", placed)
        monkeypatch.setattr(join.subprocess, "run", command)
        monkeypatch.setattr(join, "PAUSE", 0.05)
        (folder / "host").mkdir()
        monkeypatch.setattr(join, "report", self.report)
        self.said: list[tuple[str, str]] = []
        self.document = folder / "join.json"

    def report(self, state: str, message: str) -> None:
        self.said.append((state, message))

    def write(self, token: str, **changes: Any) -> None:
        document = {
            "cluster": "product",
            "pool": "web",
            "managers": [self.url],
            "ca": self.ca.certificate,
            "token": token,
        }
        self.document.write_text(json.dumps({**document, "name": "web-7", **changes}))

    def join(self, patience: float = 0.0) -> int:
        return join.main(str(self.document), str(self.folder / "state"), patience)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, monkeypatch)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_host_joins_by_itself(world: World) -> None:
    world.write(world.engine.issue())
    assert world.join() == 0, world.said
    host = world.folder / "host"
    assert json.loads((host / "agent.json").read_text()) == {"name": "web-7", "bind_addr": "127.0.0.1"}
    assert (host / "introduction").read_text() == "web-7 of web"
    certificate = x509.load_pem_x509_certificate((host / "host.pem").read_bytes())
    names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert names.get_values_for_type(x509.DNSName) == ["client.global.fake", "localhost", "web-7"]  # type: ignore[attr-defined]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]  # type: ignore[attr-defined]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(world.ca.certificate.encode()))
    wanted = pki.sort_names("web-7", ["client.global.fake", "localhost", "web-7", "127.0.0.1"])
    assert pki.reason_to_renew((host / "host.pem").read_text(), world.ca.certificate, wanted, 20) is None
    assert (host / "host.key").stat().st_mode & 0o777 == 0o600
    assert world.commands == [["daemon-reload"], ["enable", "--now", "agent.service"]]
    assert not world.document.exists() and not list((world.folder / "state").iterdir()), "the token is not kept"
    assert world.said[-1] == ("joined", "joined pool web of cluster product")


@pytest.mark.parametrize("cut", ["answer", "settle"])
def test_a_join_that_was_cut_off_goes_on(world: World, monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    world.write(world.engine.issue())
    with monkeypatch.context() as broken:

        def lose(*_arguments: Any) -> Any:
            raise KeyboardInterrupt

        if cut == "answer":  # it was let in, but has not read the answer
            asked = join.ask
            broken.setattr(join, "ask", lambda *arguments: [asked(*arguments), lose()])
        else:
            broken.setattr(join, "settle", lose)
        with pytest.raises(KeyboardInterrupt):
            world.join()
    assert world.join() == 0, world.said
    assert len(next(iter(world.engine.kept.values())).joined) == 1


def test_a_token_that_is_used_up_lets_in_nobody_else(world: World) -> None:
    text = world.engine.issue()
    world.write(text)
    assert world.join() == 0
    world.write(text, name="web-8")
    assert world.join() == 2
    assert "has let in the 1 it was made for (web-7)" in world.said[-1][1]
    assert not world.document.exists() and world.document.with_name("join.json.refused").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"address": "10.0.0.9"}, "calls itself 10.0.0.9 and asks from 127.0.0.1"),
        ({"name": "Web_7"}, "'Web_7' cannot be a host's name"),
        ({"ca": ""}, "lacks ca; issue it anew with the admit playbook"),
    ],
)
def test_a_join_that_is_refused(world: World, changes: dict[str, Any], message: str) -> None:
    world.write(world.engine.issue(), **changes)
    assert world.join() == 2
    assert world.said[-1][0] == "refused" and message in world.said[-1][1]
    assert not list((world.folder / "host").iterdir())


def test_a_forged_token(world: World) -> None:
    world.write("5f2d.abc")
    assert world.join() == 2 and "it was forged, or revoked" in world.said[-1][1]


def test_an_expired_token_and_a_name_that_lives(world: World) -> None:
    world.write(world.engine.issue(seconds=-1))
    assert world.join() == 2 and "ended at" in world.said[-1][1]
    world.engine.live["web-7"] = "10.0.0.7"
    world.write(world.engine.issue())
    assert world.join() == 2 and "web-7 is the name of a live member at 10.0.0.7" in world.said[-1][1]


def test_a_manager_of_another_cluster_is_not_asked(world: World) -> None:
    world.write(world.engine.issue(), ca=pki.make_ca("other").certificate)
    assert world.join() == 1
    assert "certificate verify failed" in world.said[-1][1] and world.document.exists()


def test_the_next_manager_is_asked_when_one_is_away(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        away = f"https://127.0.0.1:{free.getsockname()[1]}"
    world.write(world.engine.issue(), managers=[away, world.url])
    assert world.join() == 0
    world.write(world.engine.issue(), managers=[away])
    assert world.join(patience=2) == 1
    assert [state for state, _message in world.said].count("waiting") > 1 and away in world.said[-1][1]


def test_a_pool_that_nobody_described(world: World) -> None:
    (world.folder / "web.json").unlink()
    world.write(world.engine.issue())
    assert world.join() == 1 and "run the admit playbook for the pool web" in world.said[-1][1]


def test_a_document_may_lie_elsewhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(world.engine.issue())
    text = world.document.read_text()
    monkeypatch.setattr(join, "fetch", lambda url: text if url == "https://example.com/web.json" else "")
    world.document.write_text('{"url": "https://example.com/web.json"}')
    assert world.join() == 0, world.said
    world.document.write_text('{"url": "http://example.com/web.json"}')
    assert world.join() == 2 and "over HTTPS alone" in world.said[-1][1]
    world.document.write_text("#cloud-config")
    assert world.join() == 2 and "cannot be read as a join document" in world.said[-1][1]


def test_a_document_is_fetched_from_a_place_the_system_trusts(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"document" if self.path == "/web.json?v=1" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    with pytest.raises(OSError, match="certificate verify failed"):
        join.fetch(f"{url}/web.json?v=1")
    (tmp_path / "system.pem").write_text(world.ca.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    assert join.fetch(f"{url}/web.json?v=1") == "document"
    with pytest.raises(OSError, match="/other answers 404"):
        join.fetch(f"{url}/other")
    server.shutdown()
    server.server_close()


def test_noise_holds_up_nobody(world: World) -> None:
    with (
        socket.create_connection(world.server.server_address[:2]),
        socket.create_connection(world.server.server_address[:2]) as loud,
    ):
        loud.sendall(b"GET / HTTP/1.1\r\n\r\n")
        world.write(world.engine.issue())
        assert world.join() == 0
