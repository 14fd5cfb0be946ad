# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the enrollment service does for clients that show no valid token, and for too many or too slow ones."""

from __future__ import annotations

import io
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment import (
    certificate,
    join,
    service,
    tokens,
)
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import Denied, Token
from ansible_collections.keelson.cluster.plugins.module_utils.modules import join_token as token_module
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki

NEW = {"name": "web-7", "address": "10.0.0.7", "request": "a request"}


class Recorder:
    """An engine's store of tokens that notes what it is asked to do."""

    def __init__(self, *, hosts: int = 1, seconds: float = 3600) -> None:
        self.token, self.text = tokens.make("web", hosts, seconds, time.time())
        self.calls: list[str] = []
        self.live: dict[str, str] = {}

    def read(self, number: str) -> tuple[Token | None, str]:
        self.calls.append("read")
        return (self.token if number == self.token.number else None), ""

    def change(self, _number: str, step: Any) -> Token:
        self.calls.append("write")
        self.token = step(self.token)
        return self.token

    def holder(self, name: str) -> str:
        self.calls.append("holder")
        return self.live.get(name, "")

    def description(self, _pool: str, _new: Any) -> dict[str, Any]:
        return {"members": {}}

    def enroll(self, new: Any, pool: str) -> dict[str, Any]:
        return {"address": new.address, "pool": pool}

    def settle(self, _new: Any) -> str:
        self.calls.append("settle")
        return ""


def counter(store: Any) -> service.Counter:
    return service.Counter("product", lambda _cluster: store)


@pytest.fixture
def openssl(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that were handed to openssl."""
    seen: list[str] = []
    monkeypatch.setattr(certificate, "key_digest", lambda request: seen.append(request) or "k1")
    return seen


def ask(store: Recorder, token: Any, path: str = "/v1/join", peer: str = "10.0.0.7", **changes: Any) -> dict[str, Any]:
    return counter(store).answer(path, {**NEW, "token": token, **changes}, peer, time.time())


@pytest.mark.parametrize("path", ["/v1/join", "/v1/joined"])
@pytest.mark.parametrize("token", ["", "5f2d.abc", "é" * 12 + "." + "a" * 64, "\ud800", "right number", "../x.y"])
def test_no_work_before_the_token_is_checked(openssl: list[str], path: str, token: str) -> None:
    store = Recorder()
    store.live["web-7"] = "10.0.0.99"
    text = f"{store.token.number}.{'0' * 64}" if token == "right number" else token
    with pytest.raises(Denied, match="forged, or revoked") as denied:
        ask(store, text, path)
    assert denied.value.status == 403 and "10.0.0.99" not in str(denied.value)
    assert openssl == [] and set(store.calls) <= {"read"}
    assert token == "right number" or store.calls == [], "what has not the form of a token is not looked up"


def test_an_ended_token_learns_nothing(openssl: list[str]) -> None:
    store = Recorder(seconds=-1)
    store.live["web-7"] = "10.0.0.99"
    with pytest.raises(Denied, match="ended at"):
        ask(store, store.text)
    assert openssl == [] and store.calls == ["read"]


def test_a_used_up_token_learns_no_address(openssl: list[str]) -> None:
    store = Recorder()
    ask(store, store.text)
    store.live["web-8"] = "10.0.0.99"
    with pytest.raises(Denied, match="has let in the 1"):
        ask(store, store.text, name="web-8")


def test_only_who_was_let_in_with_the_token_has_joined(openssl: list[str]) -> None:
    store = Recorder()
    with pytest.raises(Denied, match="web-7 was not let in with this token") as denied:
        ask(store, store.text, "/v1/joined")
    assert denied.value.status == 403 and "settle" not in store.calls
    ask(store, store.text)
    store.token = Token(**{**vars(store.token), "expires": 0.0})
    assert ask(store, store.text, "/v1/joined") == {}, "one that was let in may finish after the token has ended"


@pytest.mark.parametrize("asked", [[], "text", {}, {**NEW, "token": 1}, {**NEW, "token": "a", "name": ["x"]}])
def test_a_request_of_another_form(openssl: list[str], asked: Any) -> None:
    store = Recorder()
    with pytest.raises(Denied, match="another version of this collection") as denied:
        counter(store).answer("/v1/join", asked, "10.0.0.7", 0.0)
    assert denied.value.status == 400 and openssl == [] and store.calls == []


@pytest.mark.parametrize(
    ("address", "peer", "held"),
    [
        ("2001:db8::7", "2001:db8:0:0::7", "2001:DB8::0:7"),
        ("fe80::7", "fe80::7%eth0", ""),
        ("10.0.0.7", "::ffff:10.0.0.7", "10.0.0.7"),
    ],
)
def test_addresses_in_any_spelling(openssl: list[str], address: str, peer: str, held: str) -> None:
    store = Recorder()
    store.live["web-7"] = held
    assert ask(store, store.text, peer=peer, address=address)["address"] == address


@pytest.mark.parametrize("address", ["web-7", "", "10.0.0.7\nweb-9: let in"])
def test_what_is_no_address(openssl: list[str], address: str) -> None:
    store = Recorder()
    with pytest.raises(Denied, match="is no IP address") as denied:
        ask(store, store.text, address=address)
    assert "\n" not in str(denied.value) and openssl == []


@pytest.mark.parametrize(
    ("hosts", "hours", "variable"),
    [(0, 24, "enroll_hosts"), (1001, 24, "enroll_hosts"), (1, 0, "enroll_hours"), (1, 721, "enroll_hours")]
    + [(1, float("nan"), "enroll_hours"), (-1, -1, "enroll_hosts")],
)
def test_bounds_of_a_token(hosts: int, hours: float, variable: str) -> None:
    params = {"state": "present", "pool": "web", "hosts": hosts, "hours": hours}
    with pytest.raises(ValueError, match=rf"{variable}.* from 1 to ") as error:
        token_module.act(SimpleNamespace(), params, False, 0.0)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("hosts", "hours"), [(1, 1), (1000, 720)])
def test_the_bounds_themselves(hosts: int, hours: float) -> None:
    params = {"state": "present", "pool": "web", "hosts": hosts, "hours": hours}
    store = SimpleNamespace(tokens=list)
    assert token_module.act(store, params, True, 0.0)["changed"]  # type: ignore[arg-type]


def test_openssl_that_fails_on_the_manager_is_no_fault_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    done = SimpleNamespace(returncode=-9, stdout="", stderr="")
    monkeypatch.setattr(certificate.subprocess, "run", lambda *_arguments, **_options: done)
    with pytest.raises(OSError, match="signal 9"):
        certificate.key_digest("a request")
    done.returncode, done.stderr = 1, "No space left on device"
    with pytest.raises(OSError, match="No space left"):
        certificate.sign("a request", "ca", "key", "/CN=web-7", ["web-7"], 1)
    with pytest.raises(Denied, match="is none"):
        certificate.key_digest("a request")


# --- connections -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[service.Server]:
    address = getattr(request, "param", "127.0.0.1")
    ca = pki.make_ca("product")
    pair = pki.issue(ca, pki.sort_names("m1", [address]), 10)
    files = {"ca": ca.certificate, "cert": pair.certificate, "key": pair.key}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    made = service.Server((address, 0), service.handler(counter(Recorder())), *(str(tmp_path / name) for name in files))
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def tls(server: service.Server) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(server.server_address[:2], 5))


def send(server: service.Server, body: bytes, head: bytes = b"") -> bytes:
    with tls(server) as link:
        link.sendall(b"POST /v1/join HTTP/1.0\r\n" + (head or b"Content-Length: %d" % len(body)) + b"\r\n\r\n" + body)
        parts = []
        while part := link.recv(65536):
            parts.append(part)
        return b"".join(parts)


def test_a_connection_has_one_deadline(server: service.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DEADLINE", 0.6, raising=False)
    start = time.monotonic()
    with pytest.raises(OSError), tls(server) as link:  # noqa: PT011
        link.sendall(b"POST /v1/join HTTP/1.0\r\nX: ")
        while time.monotonic() < start + 4:  # a byte is always about to come
            link.sendall(b"x")
            time.sleep(0.1)
    assert time.monotonic() - start < 3


def test_one_that_never_greets_is_cut_off(server: service.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DEADLINE", 0.3, raising=False)
    with socket.create_connection(server.server_address[:2], 4) as link:
        assert link.recv(1) == b""


def test_connections_of_one_peer(server: service.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "EACH", 2, raising=False)
    first, second = tls(server), tls(server)
    with pytest.raises(OSError):  # noqa: PT011
        tls(server)
    first.close()
    time.sleep(0.3)
    assert b"400" in send(server, b"[]"), "there is room again"
    second.close()


def test_connections_of_all_peers(server: service.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST", 1, raising=False)
    with tls(server), pytest.raises(OSError):  # noqa: PT011
        tls(server)


class Link:
    """A connection that has sent some bytes, and how many of them were read by its end."""

    def __init__(self, sent: bytes) -> None:
        self.sent, self.read, self.answer = io.BytesIO(sent), -1, b""
        close = self.sent.close
        self.sent.close = lambda: (setattr(self, "read", self.sent.tell()), close())  # type: ignore[method-assign]

    def makefile(self, *_how: Any) -> io.BytesIO:
        return self.sent

    def sendall(self, answer: bytes) -> None:
        self.answer += answer


def test_headers_do_not_fill_the_memory() -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 60_000) for number in range(90))
    link = Link(b"POST /v1/join HTTP/1.0\r\n" + headers + b"\r\n")
    service.handler(counter(Recorder()))(link, ("10.0.0.7", 1), None)  # type: ignore[arg-type]
    assert 0 < link.read <= 2 * service.LARGEST and b" 404 " in link.answer.split(b"\r\n")[0]


def test_the_largest_request_is_read_whole(capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({**NEW, "token": "a"}).encode().ljust(service.LARGEST)
    link = Link(b"POST /v1/join HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    service.handler(counter(Recorder()))(link, ("10.0.0.7", 1), None)  # type: ignore[arg-type]
    assert b"forged, or revoked" in link.answer and "forged" in capfd.readouterr().out


@pytest.mark.parametrize("server", ["::1"], indirect=True)
def test_the_service_on_an_ipv6_address(server: service.Server) -> None:
    body = json.dumps({**NEW, "token": "5f2d.abc"}).encode()
    assert b"forged, or revoked" in send(server, body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60000,
        b"\xff",
        json.dumps({**NEW, "token": "a", "name": ["x\nm1: let in"]}).encode(),
        json.dumps({**NEW, "token": "5f2d.abc", "name": "\ud800\nm1: let in", "address": "\x1b[2J"}).encode(),
    ],
)
def test_one_line_in_the_journal(server: service.Server, capfd: pytest.CaptureFixture[str], body: bytes) -> None:
    assert b" 40" in send(server, body).split(b"\r\n")[0]
    said = capfd.readouterr()
    assert said.err == "" and said.out.count("\n") == 1 and said.out.startswith("127.0.0.1: ") and len(said.out) < 700


def test_nothing_a_client_sent_makes_a_line_of_its_own() -> None:
    assert service.printable("a\nb\x1b[2J\u202e\ud800é'\"", service.SHOWN) == "a\\nb\\x1b[2J\\u202e\\ud800é'\""
    assert len(service.printable("x" * 9999, service.SHOWN)) < 600


def test_what_an_engine_says_stays_in_the_journal(
    server: service.Server, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> Any:
        raise service.ApiError(0, "https://10.0.0.1:6443 does not answer")

    monkeypatch.setattr(service.Counter, "answer", fail)
    answer = send(server, b"{}")
    assert b"503" in answer and b"10.0.0.1" not in answer and b"journal" in answer
    assert "https://10.0.0.1:6443 does not answer" in capfd.readouterr().out


# --- a host that asks: what passes and what is final --------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(join, "report", lambda state, message: said.append((state, message)))
    monkeypatch.setattr(join, "PAUSE", 0.01)
    return said


GOOD = {
    "cluster": "product",
    "engine": "fake",
    "pool": "web",
    "managers": ["https://127.0.0.1:1"],
    "ca": pki.make_ca("product").certificate,
    "token": "5f2d.abc",
    "name": "web-7",
}


HOST_SIDE = join.HostSide(files=lambda *_arguments: [], join=lambda _answer, _key: None)


def run(folder: Path, text: str) -> tuple[int, bool]:
    """The exit code of a join with this document, and whether the document is still there."""
    path = folder / "join.json"
    path.write_text(text)
    return join.main("fake", HOST_SIDE, str(path), str(folder / "state"), 0.0), path.exists()


@pytest.mark.parametrize("text", ["", " \n", "{", json.dumps(GOOD)[:-20], '{"url": "https://exam'])
def test_a_half_written_document_is_read_again(state: list[Any], tmp_path: Path, text: str) -> None:
    assert run(tmp_path, text) == (1, True)
    assert state[-1][0] == "waiting" and "join.json" in state[-1][1]


WRONG = {
    "no document": "#cloud-config",
    "a list": "[]",
    "a field is missing": json.dumps({**GOOD, "token": ""}),
    "another engine": json.dumps({**GOOD, "engine": "other"}),
    "managers are a text": json.dumps({**GOOD, "managers": "https://127.0.0.1:1"}),
    "a manager without TLS": json.dumps({**GOOD, "managers": ["http://127.0.0.1:1"]}),
    "a port that is none": json.dumps({**GOOD, "managers": ["https://127.0.0.1:x"]}),
    "a CA that is none": json.dumps({**GOOD, "ca": "x"}),
    "a CA of another alphabet": json.dumps({**GOOD, "ca": "é"}),
    "a token that is a number": json.dumps({**GOOD, "token": 7}),
    "a name that is a list": json.dumps({**GOOD, "name": ["x"]}),
    "a plain URL": '{"url": "http://example.com/x"}',
    "a URL without a host": '{"url": "https:///x"}',
    "a URL with a port that is none": '{"url": "https://example.com:x/"}',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_document_is_refused(state: list[Any], tmp_path: Path, text: str) -> None:
    assert run(tmp_path, text) == (2, False)
    assert state[-1][0] == "refused" and "\n" not in state[-1][1]


def test_without_a_document_nothing_is_tried_again(state: list[Any], tmp_path: Path) -> None:
    assert join.main("fake", HOST_SIDE, str(tmp_path / "join.json"), str(tmp_path / "state"), 0.0) == 2
    assert "there is no" in state[-1][1]


FAULTS = [
    socket.gaierror(-3, "Temporary failure in name resolution"),
    ConnectionRefusedError("refused"),
    TimeoutError("timed out"),
    ssl.SSLCertVerificationError("certificate is not yet valid"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_look_up_that_fails_is_tried_again(
    state: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise fault

    monkeypatch.setattr(join.http.client.HTTPSConnection, "connect", fail)
    assert run(tmp_path, '{"url": "https://example.com/web.json"}') == (1, True)
    monkeypatch.setattr(join, "own_address", lambda _manager: "127.0.0.1")
    assert run(tmp_path, json.dumps(GOOD)) == (1, True)
    assert [state for state, _message in state if state == "refused"] == []


class Reply:
    """The answer of a server that is not there."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.reason, self.text = status, "reason", text

    def read(self, most: int) -> bytes:
        return self.text.encode()[:most]


PASSING, FINAL = (301, 404, 408, 409, 429, 500, 502, 503, 504), (400, 401, 403, 410)


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [(s, '{"error": "why"}', 1) for s in PASSING]
    + [(s, '{"error": "why"}', 2) for s in FINAL]
    + [(200, "<html>", 1), (200, '{"clu', 1), (502, "<html>", 1), (503, "[]", 1)],
)
def test_what_a_server_answers(
    state: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, text: str, code: int
) -> None:
    monkeypatch.setattr(join.http.client.HTTPSConnection, "request", lambda *_arguments: None)
    monkeypatch.setattr(join.http.client.HTTPSConnection, "getresponse", lambda _self: Reply(status, text))
    monkeypatch.setattr(join, "own_address", lambda _manager: "127.0.0.1")
    for document in ('{"url": "https://example.com/web.json"}', json.dumps(GOOD)):
        assert run(tmp_path, document) == (code, code == 1), (document, state)


def test_the_host_itself_fails_for_a_moment(state: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fault in (join.subprocess.CalledProcessError(1, "openssl"), OSError(28, "No space left on device")):

        def fail(_folder: str, fault: Exception = fault) -> str:
            raise fault

        monkeypatch.setattr(join, "make_request", fail)
        assert run(tmp_path, json.dumps(GOOD)) == (1, True)


@pytest.mark.parametrize("kept", ['{"files": [', '{"token": "another", "answer": {"files": ["old"]}}'])
def test_a_kept_answer_that_is_of_no_use_is_asked_anew(tmp_path: Path, kept: str) -> None:
    (tmp_path / join.ANSWER).write_text(kept)
    document = SimpleNamespace(token="5f2d.abc")
    asking: Any = SimpleNamespace(until_answered=lambda _path, _why: {"files": []}, document=document)
    assert join.enrollment(asking, str(tmp_path)) == {"files": []}
    asking = SimpleNamespace(document=document)
    assert join.enrollment(asking, str(tmp_path)) == {"files": []}, "it is kept"
