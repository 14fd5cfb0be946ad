# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each probe passes at a closed door and fails at an open one."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks import model, probes, tls
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.foreign import foreign_identity
from ansible_collections.keelson.cluster.plugins.plugin_utils.nomad import probes as nomad_probes
from checks_world import ADDRESS, authority, https, plain, serving

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n\r\n[]"
GO_TO_PLAINTEXT = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class World:
    """A CA, a member's identity, and an unauthorized client's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = authority()
        self.member = self.ca.issue(folder, "member")
        pem = folder / "foreign.pem"
        pem.write_text(foreign_identity("member", ADDRESS))
        self.unauthorized = tls.Identity(cert=str(pem), key=str(pem))

    def probe(
        self, port: int, probe: str = "https", guarded: tuple[str, ...] = ("/v1/nodes",)
    ) -> dict[str, model.Check]:
        """Probe in every way; return the checks by their kinds."""
        target = {"host": "m1", "address": ADDRESS, "port": port, "probe": {"kind": probe, "guarded": list(guarded)}}
        return {c["check"]: c for c in probes.probe(target, self.member, self.unauthorized)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def passed(checks: dict[str, model.Check]) -> set[str]:
    return {kind for kind, check in checks.items() if check["passed"]}


ALL = {"plaintext", "no_certificate", "foreign_certificate", "old_tls", "no_token"}


def test_a_closed_door(world: World) -> None:
    with serving(https(world.member, FORBIDDEN, client_ca=world.member.ca)) as port:
        found = world.probe(port)
    assert passed(found) == ALL, found
    assert "403" in found["no_token"]["evidence"]
    assert found["plaintext"]["target"] == f"m1 {ADDRESS}:{port}"


def test_a_door_that_needs_no_certificate(world: World) -> None:
    with serving(https(world.member, OK)) as port:
        found = world.probe(port)
    assert passed(found) == {"plaintext", "old_tls"}, found
    assert found["no_token"]["evidence"] == "answered without a token: /v1/nodes: HTTP/1.1 200 OK"
    assert found["no_certificate"]["evidence"] == "answered: HTTP/1.1 200 OK"
    assert found["no_certificate"]["remedy"]


def test_a_door_that_asks_for_certificates_and_believes_any(world: World) -> None:
    """The unauthorized client's CA is what such a door is told to trust."""
    other = authority()
    theirs = other.issue(world.folder, "theirs")
    with serving(https(world.member, OK, client_ca=theirs.ca)) as port:
        endpoint = tls.Endpoint(ADDRESS, port, tls.http_request("/", ADDRESS))
        unauthorized = tls.Identity(cert=theirs.cert, key=theirs.key)
        assert not tls.refused(endpoint, tls.context(unauthorized)).passed
        assert tls.refused(endpoint, tls.context(tls.Identity())).passed


def test_a_door_that_tells_unauthorized_sockets_nothing(world: World) -> None:
    with serving(https(world.member, b"HTTP/1.1 401 Unauthorized\r\n\r\n")) as port:
        found = world.probe(port, "https_login")
    assert passed(found) == ALL, found
    assert "401" in found["no_certificate"]["evidence"]


def test_a_door_that_tells_unauthorized_sockets_something(world: World) -> None:
    with serving(https(world.member, OK)) as port:
        found = world.probe(port, "https_login")
    assert passed(found) == {"plaintext", "old_tls"}, found


def test_a_login_that_refuses_foreign_certificates_at_once(world: World) -> None:
    with serving(https(world.member, FORBIDDEN, client_ca=world.member.ca)) as port:
        found = world.probe(port, "https_login")
    assert "foreign_certificate" in passed(found), found


def test_a_door_with_paths_of_its_own(world: World) -> None:
    def answer(link: socket.socket) -> None:
        https(world.member, b"HTTP/1.1 404 Not Found\r\n\r\n")(link)

    with serving(answer) as port:
        probe = {"kind": "https_login", "guarded": ["/pods"]}
        target = {"host": "m1", "address": ADDRESS, "port": port, "probe": probe}
        found = {c["check"]: c for c in probes.probe(target, world.member, world.unauthorized)}
    assert found["no_certificate"]["evidence"] == "no answer to judge by: /pods: HTTP/1.1 404 Not Found"


def test_a_door_for_members_only(world: World) -> None:
    with serving(https(world.member, OK, client_ca=world.member.ca)) as port:
        assert passed(world.probe(port, "https_members")) == ALL - {"no_token"}
    with serving(https(world.member, OK)) as port:
        assert passed(world.probe(port, "https_members")) == {"plaintext", "old_tls"}


def test_plaintext(world: World) -> None:
    with serving(plain(OK)) as port:
        found = world.probe(port)
    assert "plaintext" not in passed(found)
    assert found["plaintext"]["evidence"] == "answered: HTTP/1.1 200 OK"


@pytest.mark.parametrize("reply", [GO_TO_PLAINTEXT, b"\x15\x03\x01\x00\x02\x02\x46", b""])
def test_how_servers_refuse_plaintext(world: World, reply: bytes) -> None:
    with serving(plain(reply)) as port:
        verdict = tls.refused(tls.Endpoint(ADDRESS, port, tls.http_request("/", ADDRESS)), None)
    assert verdict.passed and verdict.evidence.startswith("refused"), verdict


def test_an_agent_that_finds_its_manager_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls.time, "sleep", lambda _seconds: None)
    replies = [b"HTTP/1.1 500 Internal Server Error\r\n\r\n", FORBIDDEN]
    with serving(lambda link: https(world.member, replies.pop(0))(link)) as port:
        verdict = tls.token_required(tls.Endpoint(ADDRESS, port, b""), world.member, ["/v1/nodes"])
    assert verdict.passed, verdict


def test_an_agent_that_has_lost_its_manager_cannot_be_judged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls.time, "sleep", lambda _seconds: None)
    with serving(https(world.member, b"HTTP/1.1 500 Internal Server Error\r\n\r\n")) as port:
        verdict = tls.token_required(tls.Endpoint(ADDRESS, port, b""), world.member, ["/v1/nodes"])
    assert not verdict.passed and verdict.evidence.startswith("no answer to judge by"), verdict


def test_another_400_is_an_answer(world: World) -> None:
    with serving(plain(b"HTTP/1.1 400 Bad Request\r\n\r\nmissing parameter")) as port:
        assert not tls.refused(tls.Endpoint(ADDRESS, port, b"GET /"), None).passed


def test_old_tls(world: World) -> None:
    with serving(https(world.member, FORBIDDEN, client_ca=world.member.ca, oldest=True)) as port:
        found = world.probe(port)
    assert passed(found) == ALL - {"old_tls"}, found
    assert "speaks TLSv1" in found["old_tls"]["evidence"]


@pytest.mark.parametrize("last", [b"", b"\x15\x03\x01\x00\x02\x01\x00"], ids=["end", "close_notify"])
def test_a_server_that_closes_the_handshake_speaks_no_old_tls(world: World, last: bytes) -> None:
    """As those of Python's asyncio do: without an alert, or with that of an orderly end."""
    with serving(plain(last)) as port:
        verdict = tls.old_tls_refused(tls.Endpoint(ADDRESS, port, b""), world.member)
    assert verdict == (True, "refused: the connection was closed in the handshake")


def test_an_optional_door_that_is_not_there_is_not_tried(world: World) -> None:
    with socket.socket() as link:
        link.bind((ADDRESS, 0))
        target = {
            "host": "m1",
            "address": ADDRESS,
            "port": link.getsockname()[1],
            "probe": {"kind": "tls", "request": "00"},
        }
        assert [check["passed"] for check in probes.probe(target, world.member, world.unauthorized)] == [False] * 4
        assert probes.probe({**target, "optional": True}, world.member, world.unauthorized) == []
    with serving(plain(OK)) as port:
        assert probes.probe({**target, "port": port, "optional": True}, world.member, world.unauthorized)


def test_a_door_behind_a_preamble(world: World) -> None:
    with serving(https(world.member, b"", client_ca=world.member.ca, preamble=1)) as port:
        target = {"host": "m1", "address": ADDRESS, "port": port, "probe": nomad_probes.RPC.as_data()}
        found = {c["check"]: c for c in probes.probe(target, world.member, world.unauthorized)}
    assert passed(found) == ALL - {"no_token"}, found


def test_nobody_at_home_proves_nothing(world: World) -> None:
    with socket.create_server((ADDRESS, 0)) as server:
        port = server.getsockname()[1]
    found = world.probe(port)
    assert passed(found) == set()
    assert "nothing was tried" in found["plaintext"]["evidence"]


def test_a_silent_open_connection_is_no_refusal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "TIMEOUT", 0.2)
    with serving(lambda link: link.recv(4096) and link.recv(4096)) as port:  # type: ignore[func-returns-value,arg-type]
        assert not tls.refused(tls.Endpoint(ADDRESS, port, b"x"), None).passed


@pytest.mark.parametrize(
    ("days", "least", "good", "words"),
    [(30, 14, True, "30 days left"), (10, 14, False, "10 days left (at least 14"), (-1, 0, False, "expired")],
)
def test_days_left(world: World, days: float, least: float, good: bool, words: str) -> None:
    shown = world.ca.issue(world.folder, "shown", days=days + 0.1)
    with serving(https(shown, b"")) as port:
        endpoint = tls.Endpoint(ADDRESS, port, b"")
        check = model.answer("c", "t", "", "remedy", lambda: tls.certificate(endpoint, world.member, least))
    assert check["passed"] is good and words in check["evidence"], check


def test_a_certificate_of_another_ca(world: World) -> None:
    other = authority().issue(world.folder, "other")
    with serving(https(other, b"")) as port:
        endpoint = tls.Endpoint(ADDRESS, port, b"")
        check = model.answer("c", "t", "", "remedy", lambda: tls.certificate(endpoint, world.member, 1))
    assert not check["passed"] and "verify failed" in check["evidence"]


def test_a_certificate_for_another_address(world: World) -> None:
    other = world.ca.issue(world.folder, "other", address="10.1.1.1")
    with serving(https(other, b"")) as port:
        endpoint = tls.Endpoint(ADDRESS, port, b"")
        check = model.answer("c", "t", "", "remedy", lambda: tls.certificate(endpoint, world.member, 1))
    assert not check["passed"] and "IP address mismatch" in check["evidence"]


def test_authority(world: World) -> None:
    assert tls.authority(world.member.ca, 14).passed
    assert not tls.authority(world.member.ca, 400).passed


@pytest.mark.parametrize(
    ("tcp", "udp", "good"),
    [
        (b"", b"", True),
        (b"\x0a???", b"", True),
        (b"\x02???", b"", False),
        (b"\x09???", b"", False),
        (b"", b"\x02", False),
    ],
)
def test_gossip(tcp: bytes, udp: bytes, good: bool) -> None:
    with serving(plain(tcp)) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind((ADDRESS, port))

        def answer() -> None:
            _data, peer = link.recvfrom(1024)
            if udp:
                link.sendto(udp, peer)

        threading.Thread(target=answer, daemon=True).start()
        known = nomad_probes.GOSSIP
        verdict = probes.unanswered(ADDRESS, port, known.request, known.refusals, wait=0.3 if good else 10)
    assert verdict.passed is good, verdict


def test_an_unknown_probe_is_an_error(world: World) -> None:
    with pytest.raises(ValueError, match="unknown probe 'ldap'"):
        world.probe(1, "ldap")


def test_what_goes_wrong_is_evidence() -> None:
    def broken() -> model.Verdict:
        raise KeyError("notAfter")

    check = model.answer("c", "t", "", "do that", broken)
    assert (check["passed"], check["evidence"], check["remedy"]) == (False, "KeyError: 'notAfter'", "do that")
