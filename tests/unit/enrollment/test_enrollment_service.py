# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new host and the enrollment service on a manager, both real, with the engine played by a fake."""

from __future__ import annotations

import base64
import datetime
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import remote
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import certificate, join, service, tokens
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.manager import EnrollmentService, JoiningHost
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied, Token, dump
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID


class FakeDesk(EnrollmentService):
    """An engine's enrollment_service: tokens in a dictionary; a new host gets its files, and is a member once its agent was started."""

    cluster = "product"
    ca_file = ""

    def __init__(self) -> None:
        self.kept: dict[str, Token] = {}
        self.live: dict[str, str] = {}
        self.missing: list[str] = []

    @staticmethod
    def connect(cluster: str) -> Any:
        raise NotImplementedError

    def issue(self, hosts: int = 1, seconds: float = 3600) -> str:
        token, text = tokens.make("web", hosts, seconds, time.time())
        self.kept[token.number] = token
        return text

    def read(self, number: str) -> tuple[Token | None, str]:
        return self.kept.get(number), dump(self.kept[number]) if number in self.kept else ""

    def write(self, token: Token, version: str = "") -> bool:
        if self.read(token.number)[1] != version:
            return False
        self.kept[token.number] = token
        return True

    def numbers(self) -> list[str]:
        return list(self.kept)

    def forget(self, number: str) -> None:
        del self.kept[number]

    def holder(self, name: str) -> str:
        return self.live.get(name, "")

    def enroll(self, joining_host: JoiningHost, pool: str) -> dict[str, Any]:
        found = self.description(pool, joining_host)
        own = {"path": "@/introduction", "content": f"{joining_host.name} of {pool}", "mode": "0600"}
        return {**found, "files": [*found["files"], own]}

    def settle(self, joining_host: JoiningHost) -> str:
        return self.missing.pop() if self.missing else ""


class World:
    """A cluster with one enrollment service, and a new host below a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.engine = folder, FakeDesk()
        self.ca = pki.make_ca("product")
        pair = pki.issue(self.ca, pki.sort_names("m1", ["127.0.0.1"]), 10)
        (folder / "cert.pem").write_text(pair.certificate)
        (folder / "key.pem").write_text(pair.key)
        monkeypatch.setattr(FakeDesk, "pools", str(folder / "{pool}.json"))
        agent = {"name": "NAME.placeholder", "bind_addr": "ADDRESS.placeholder"}
        self.pool = {
            "files": [{"path": "@/agent.json", "data": agent, "mode": "0600"}],
            "members": {"m1": "10.0.0.11"},
            "units": [{"name": "agent.service", "state": "fresh", "inputs": ["/etc/agent.json"]}],
        }
        (folder / "web.json").write_text(json.dumps(self.pool))
        counter = service.Counter("product", lambda _cluster: self.engine)
        (folder / "ca.pem").write_text(self.ca.certificate)
        files = (str(folder / f"{name}.pem") for name in ("ca", "cert", "key"))
        self.server = service.Server(("127.0.0.1", 0), service.handler(counter), *files)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        self.commands: list[tuple[str, str]] = []
        bring = host_files.ensure_all

        def placed(entries: list[dict[str, Any]], check: bool, changes: list[Any], known: Any) -> None:
            bring([{**e, "path": e["path"].replace("@", str(folder / "host"))} for e in entries], check, changes, known)

        idle = service_units.State(False, False, False, False, False)
        monkeypatch.setattr(join.service_units, "read", lambda _unit: idle)
        monkeypatch.setattr(
            join.service_units, "carry_out", lambda unit, step: self.commands.append((step, unit.name)) or self.fault
        )
        self.fault: str | None = None
        self.host_side = join.HostSide(
            files=lambda answer, key: [*answer["files"], {"path": "@/key", "content": key, "mode": "0600"}],
            join=lambda _answer, _key: self.commands.append(("join", "")),
        )
        monkeypatch.setattr(join.host_files, "ensure_all", placed)
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
            "engine": "fake",
            "pool": "web",
            "managers": [self.url],
            "ca": self.ca.certificate,
            "token": token,
        }
        self.document.write_text(json.dumps({**document, "name": "web-7", **changes}))

    def join(self, patience: float = 0.0) -> int:
        return join.main("fake", self.host_side, str(self.document), str(self.folder / "state"), patience)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, monkeypatch)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_host_joins_by_itself(world: World) -> None:
    world.engine.missing = ["web-7 is not ready"]
    world.write(world.engine.issue())
    assert world.join(patience=5) == 0, world.said
    host = world.folder / "host"
    assert json.loads((host / "agent.json").read_text()) == {"name": "web-7", "bind_addr": "127.0.0.1"}
    assert (host / "introduction").read_text() == "web-7 of web"
    assert "PRIVATE KEY" in (host / "key").read_text()
    assert world.commands == [("enable", "agent.service"), ("start", "agent.service"), ("join", "")]
    assert not world.document.exists() and not list((world.folder / "state").iterdir()), "the token is not kept"
    assert [state for state, _message in world.said] == ["joining", "waiting", "joined"]
    assert f"this host is no member yet: {world.url}: web-7 is not ready" in world.said[1][1]
    assert world.said[-1] == ("joined", "joined pool web of cluster product")
    placed = Receipts("fake").of("path")  # uninstall finds what a host that joined by itself has
    assert {str(host / "agent.json"), str(host / "key"), "/etc/keelson/product", join.STATE} <= placed.keys()


@pytest.mark.parametrize("cut", ["answer", "settle", "joined"])
def test_a_join_that_was_cut_off_goes_on(world: World, monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    world.write(world.engine.issue())
    with monkeypatch.context() as broken:

        def lose(*_arguments: Any) -> Any:
            raise KeyboardInterrupt

        if cut == "answer":  # it was let in, but has not read the answer
            asked = join.ask
            broken.setattr(join, "ask", lambda *arguments: [asked(*arguments), lose()])
        elif cut == "joined":
            world.engine.missing = ["web-7 is not ready"]
            broken.setattr(join, "report", lambda state, _message: lose() if state == "waiting" else None)
        else:
            broken.setattr(join, "settle", lose)
        with pytest.raises(KeyboardInterrupt):
            world.join(patience=5)
    assert world.join() == 0, world.said
    assert len(next(iter(world.engine.kept.values())).joined) == 1


def test_what_was_answered_is_asked_anew_after_a_failure(world: World) -> None:
    world.write(world.engine.issue())
    world.fault = "systemctl start agent.service failed"
    assert world.join() == 1 and world.said[-1] == ("waiting", "not joined yet: systemctl start agent.service failed")
    world.fault, world.engine.missing = None, ["web-7 is not ready"]
    assert world.join() == 1 and "web-7 is not ready" in world.said[-1][1]
    assert [path.name for path in (world.folder / "state").iterdir()] == ["key.pem"], "its key says who it is"
    assert world.join() == 0
    assert len(next(iter(world.engine.kept.values())).joined) == 1


def test_a_host_of_another_engine(world: World) -> None:
    world.write(world.engine.issue(), engine="other")
    assert world.join() == 2 and "runs other, and this host is prepared for fake" in world.said[-1][1]
    assert not next(iter(world.engine.kept.values())).joined, "the token is not used up"


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
        ({"ca": ""}, "lacks ca; issue it anew with the enroll playbook"),
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
    assert world.join() == 1 and "web-7 is the name of a member at 10.0.0.7" in world.said[-1][1]
    del world.engine.live["web-7"]  # a member that is gone frees its name
    assert world.join() == 0


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
    assert world.join() == 1 and "run the enroll playbook for the pool web" in world.said[-1][1]


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
            body = {"/web.json?v=1": b"document", "/endless": b"x" * 4096}.get(self.path, b"")
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
    monkeypatch.setattr(remote, "MOST", 4095)
    with pytest.raises(OSError, match="/endless: the answer is larger than 4095 bytes"):
        join.fetch(f"{url}/endless")
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


def test_a_certificate_is_for_exactly_this_host(tmp_path: Path) -> None:
    ca = pki.make_ca("product")
    request = join.make_request(str(tmp_path))
    names_of_it = ["client.global.nomad", "10.0.0.7"]
    text = certificate.sign(request, ca.certificate, ca.key, "/CN=client.global.nomad", names_of_it, 30 * 86400)
    read = x509.load_pem_x509_certificate(text.encode())
    names = read.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert names.get_values_for_type(x509.DNSName) == ["client.global.nomad"]  # type: ignore[attr-defined]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]  # type: ignore[attr-defined]
    read.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.certificate.encode()))
    desired = pki.sort_names("client.global.nomad", names_of_it)
    assert pki.reason_to_renew(text, ca.certificate, desired, 20) is None
    behind = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=55)
    assert read.not_valid_before_utc < behind, "good for a host whose clock is behind"


def test_a_request_that_its_key_has_not_signed_is_none(tmp_path: Path) -> None:
    """OpenSSL 3.0 says so and ends well all the same, and would sign a certificate for the other's key."""
    request = join.make_request(str(tmp_path))
    assert len(certificate.key_digest(request)) == 64
    written = bytearray(x509.load_pem_x509_csr(request.encode()).public_bytes(serialization.Encoding.DER))
    written[-3] ^= 1
    armour = base64.encodebytes(bytes(written)).decode()
    forged = f"-----BEGIN CERTIFICATE REQUEST-----\n{armour}-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(Denied, match="is not signed with its own key"):
        certificate.key_digest(forged)


def test_a_key_that_a_power_cut_left_empty_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / join.KEY).touch()
    assert "BEGIN CERTIFICATE REQUEST" in join.make_request(str(tmp_path))
    assert (tmp_path / join.KEY).stat().st_mode & 0o777 == 0o600


def test_a_certificate_of_a_node_of_kubernetes_is_a_clients_alone(tmp_path: Path) -> None:
    ca = pki.make_ca("product")
    request = join.make_request(str(tmp_path))
    text = certificate.sign(request, ca.certificate, ca.key, "/O=system:nodes/CN=system:node:web-7", [], 900)
    read = x509.load_pem_x509_certificate(text.encode())
    assert read.subject.rfc4514_string() == "CN=system:node:web-7,O=system:nodes"
    assert [use.dotted_string for use in read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value] == [
        "1.3.6.1.5.5.7.3.2"
    ]
    with pytest.raises(x509.ExtensionNotFound):
        read.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    left = read.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15)
