# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The enrollment service on a manager, over TLS with the manager's own certificate. Standard library only.

New hosts ask to join with a token; host nodes have their certificates renewed, which show the present one.

An engine calls main with its own class: python3 -m utils.ENGINE.enrollment CLUSTER ADDRESS PORT CA CERTIFICATE KEY
"""

from __future__ import annotations

import contextlib
import http.server
import io
import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.remote import ApiError
from ..stacks import names
from ..texts import printable
from . import certificate
from .manager import EnrollmentService, JoiningHost
from .tokens import Denied, Token, authenticate, check_end, enroll

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LARGEST = 1 << 16  # bytes of a request
DONE = {"/v1/join": "let in", "/v1/joined": "has joined", "/v1/renew": "its certificate was renewed", "/v1/trust": ""}
FIELDS = ("token", "name", "address", "request")
DEADLINE = 30.0  # seconds after which a connection is cut off, whatever it does; a host waits as long for its answer
EACH = 8  # connections of one peer at a time
MOST = 100  # connections at a time; each may run one openssl, and the unit may have 256 tasks
SHOWN = 500  # characters of one line in the journal


@dataclass(frozen=True)
class Counter:
    """What a manager needs to answer: the cluster's name, and how its engine's enrollment service is opened."""

    cluster: str
    open: Callable[[str], EnrollmentService]

    def answer(self, path: str, asked: dict[str, Any], peer: str, now: float) -> dict[str, Any]:
        """Answer a host. Raises Denied, ApiError.

        C(asked) has C(token), C(name), C(address) and C(request), a certificate request. Before the token is known to be
        one of the cluster, it is looked up and nothing else is done.
        """
        if not isinstance(asked, dict) or not all(isinstance(asked.get(field), str) for field in FIELDS):
            raise Denied(
                400, f"the request lacks one of {', '.join(FIELDS)}; the host runs another version of this collection"
            )
        text, engine = asked["token"], self.open(self.cluster)
        token = authenticate(text, lambda number: engine.read(number)[0])
        if path == "/v1/joined":
            return self.joined(engine, token, joining_host(asked, peer))
        check_end(token, now)
        return self.join(engine, token, text, joining_host(asked, peer), now)

    def join(self, engine: EnrollmentService, token: Token, text: str, new: JoiningHost, now: float) -> dict[str, Any]:
        """Let a host in: what it becomes a member by."""
        enroll(token, text, new.name, new.key, now)  # the names of members are for those alone who would be let in
        members = engine.description(token.pool, new)["members"]
        taken = {name.lower(): at for name, at in members.items()}  # as DNS compares names; a new one is in lower case
        holder = taken.get(new.name) or engine.holder(new.name)
        if holder and canonical(holder) != canonical(new.address):
            raise Denied(409, f"{new.name} is the name of a member at {holder}; give the new host another one")
        used = engine.change(token.number, lambda found: enroll(found, text, new.name, new.key, now))
        return engine.enroll(new, used.pool)

    def joined(self, engine: EnrollmentService, token: Token, new: JoiningHost) -> dict[str, Any]:
        """Finish what a host has begun: nothing when it is a member now. The token may have ended meanwhile."""
        if (new.name, new.key) not in token.joined:
            raise Denied(403, f"{new.name} was not let in with this token and this key; have a new token issued")
        missing = engine.settle(new)
        if missing:
            raise Denied(503, missing)
        return {}

    def renew(self, asked: Any, shown: Mapping[str, Any] | None, peer: str) -> dict[str, Any]:
        """Sign the certificate anew, for another key, of a host that shows its present one. Raises Denied, ApiError, OSError."""
        request = asked.get("request") if isinstance(asked, dict) else None
        address, names = shown_by(shown, peer)
        if not isinstance(request, str):
            raise Denied(400, f"the host at {peer} sends no certificate request")
        certificate.key_digest(request)
        return {"certificate": self.open(self.cluster).renew(address, names, request, lifetime(shown or {}))}

    def trust(self, shown: Mapping[str, Any] | None, peer: str) -> dict[str, Any]:
        """Tell a host that shows its present certificate whom to trust. Raises Denied, ApiError, OSError."""
        return {"trusted": self.open(self.cluster).trusted(*shown_by(shown, peer))}


def shown_by(shown: Mapping[str, Any] | None, peer: str) -> tuple[str, set[str]]:
    """The address of a host, and the names in the certificate that it shows for that. Raises Denied."""
    address, names = canonical(peer), names_of(shown or {})
    if address not in names:
        raise Denied(403, f"the host at {peer} shows no certificate of this cluster for its address")
    return address, names


def joining_host(asked: dict[str, Any], peer: str) -> JoiningHost:
    """The host that asks, which is who it says it is as far as can be seen from here. Raises Denied."""
    name, address, request = asked["name"], canonical(asked["address"]), asked["request"]
    if not NAME.fullmatch(name):
        raise Denied(400, f"{name!r} cannot be a host's name: lower-case letters, digits and '-', 63 at most")
    if names.reserved(name):
        raise Denied(400, f"{name} is {names.reserved(name)}; give the host another name")
    if not address:
        raise Denied(400, f"{asked['address']!r} is no IP address; correct the address in the host's join document")
    if address != canonical(peer):
        raise Denied(
            403, f"the host calls itself {address} and asks from {peer}; correct the address in its join document"
        )
    return JoiningHost(name, address, request, certificate.key_digest(request))


def canonical(text: str) -> str:
    """An IP address in its one spelling, without the interface that a peer's may name; '' when it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def names_of(certificate: Mapping[str, Any]) -> set[str]:
    """The names and addresses in a client's certificate, as Python's ssl describes it."""
    alternative = certificate.get("subjectAltName", ())
    found = {value for kind, value in alternative if kind == "DNS"}
    found |= {canonical(value) for kind, value in alternative if kind == "IP Address"}
    subject = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return found | set(subject)


def lifetime(certificate_shown: Mapping[str, Any]) -> float:
    """The seconds for which a client's certificate, as Python's ssl describes it, was signed."""
    begin, end = (ssl.cert_time_to_seconds(certificate_shown[when]) for when in ("notBefore", "notAfter"))
    return end - begin - certificate.BACKDATE


class Bounded(io.BufferedIOBase):
    """What a client sends, which ends after so many bytes whatever it goes on to send."""

    def __init__(self, given: io.BufferedIOBase, left: int) -> None:
        """Read so many bytes of C(given) at most."""
        self._given, self._left = given, left

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes, or what is left."""
        return self._counted(self._given.read(self._most(size)))

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line, or so many bytes of it."""
        return self._counted(self._given.readline(self._most(size)))

    def close(self) -> None:
        """Close what is read."""
        self._given.close()
        super().close()

    def _most(self, size: int | None) -> int:
        return self._left if size is None or size < 0 else min(size, self._left)

    def _counted(self, found: bytes) -> bytes:
        self._left -= len(found)
        return found


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers with JSON, and says in the journal what was done and why not. C(largest) is the most bytes of a request's body."""

    largest = LARGEST

    def setup(self) -> None:
        """Bound what one connection may fill the memory with: of headers alone Python takes a hundred of 64 KiB."""
        super().setup()
        self.rfile: io.BufferedIOBase = Bounded(self.rfile, LARGEST + self.largest)

    def body(self, *paths: str) -> bytes:
        """What was sent to one of C(paths); nothing when the client went away, or was cut off. Raises Denied."""
        given = self.headers.get("Content-Length") or ""
        length = int(given) if re.fullmatch("[0-9]{1,8}", given) else 0
        if self.path not in paths or not 0 < length <= self.largest:
            raise Denied(404, f"there is nothing here but POST {paths[0]}")
        body = self.rfile.read(length)
        return body if len(body) == length else b""

    def reply(self, status: int, body: dict[str, Any], line: str) -> None:
        """Answer; C(line) is for the journal, where there is something to tell."""
        if line:
            sys.stdout.write(f"{printable(line, SHOWN)}\n")
            sys.stdout.flush()
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep requests out of the journal: reply says what matters."""


def handler(counter: Counter) -> type[http.server.BaseHTTPRequestHandler]:
    """The handler of one counter."""

    class Handler(Answering):
        """POST /v1/join, /v1/joined when that is done, /v1/renew and /v1/trust; everything else is not there."""

        def do_POST(self) -> None:
            """Answer one host."""
            peer = self.client_address[0]
            try:
                body = self.body(*DONE)
                if not body:
                    return
                asked = read_json(body)
                if self.path == "/v1/renew":
                    answer = counter.renew(asked, self.connection.getpeercert(), peer)
                elif self.path == "/v1/trust":
                    answer = counter.trust(self.connection.getpeercert(), peer)
                else:
                    answer = counter.answer(self.path, asked, peer, time.time())
            except Denied as error:
                self.reply(error.status, {"error": str(error)}, f"{peer}: {error}")
            except (ApiError, OSError, LookupError, TypeError, ValueError, subprocess.SubprocessError) as error:
                # What the engine says is for those who run the cluster.
                answer = {"error": "this manager cannot let anybody in now; its journal of keelson-enrollment says why"}
                self.reply(503, answer, f"{peer}: cannot let anybody in now: {error}")
            else:
                line = f"{asked.get('name', 'a member')} ({peer}): {DONE[self.path]}" if DONE[self.path] else ""
                self.reply(200, answer, line)

    return Handler


def read_json(body: bytes) -> Any:
    """Read JSON. Raises Denied when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Denied(400, f"the request is no JSON: {error}") from error


class Server(http.server.ThreadingHTTPServer):
    """Speaks TLS in the thread of each connection, so that one who says nothing holds up nobody.

    Each connection has one deadline, and there are so many at a time of one peer and of all. A client's certificate, where it
    shows one, is of the CA.
    """

    daemon_threads = True
    request_queue_size = 128  # a whole pool may boot at once
    clients = ssl.CERT_OPTIONAL

    def __init__(
        self,
        address: tuple[str, int],
        answering: type[http.server.BaseHTTPRequestHandler],
        ca: str,
        certificate: str,
        key: str,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.ca, self.files = ca, (certificate, key)
        # Of each accepted socket: the peer, the deadline, and the socket to cut off.
        self.links: dict[Any, tuple[str, float, socket.socket]] = {}
        super().__init__(address, answering)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Tell whether there is room for one more connection."""
        peers = [peer for peer, _deadline, _link in list(self.links.values())]
        if len(peers) >= MOST or peers.count(client_address[0]) >= EACH:
            return False
        self.links[request] = (client_address[0], time.monotonic() + DEADLINE, request)
        return True

    def service_actions(self) -> None:
        """Cut off the connections whose time is over."""
        for _peer, deadline, link in list(self.links.values()):
            if time.monotonic() > deadline:
                with contextlib.suppress(OSError):  # the plain method: the TLS state is its thread's
                    socket.socket.shutdown(link, socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        """Make room again."""
        self.links.pop(request, None)
        super().shutdown_request(request)

    def context(self) -> ssl.SSLContext:
        """How the service proves who it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self.files)
        context.load_verify_locations(self.ca)
        context.verify_mode = self.clients
        return context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Greet with the certificate as it is now, for it is renewed; an unauthorized client's noise ends this connection alone."""
        context = self.context()
        peer, deadline, _link = self.links[request]
        request.settimeout(DEADLINE)
        # One who goes away asks again.
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secure,
        ):
            self.links[request] = (peer, deadline, secure)
            secure.do_handshake()
            super().finish_request(secure, client_address)


def main(kind: type[EnrollmentService], cluster: str, address: str, port: str, *files: str) -> None:
    """Serve until stopped; C(files) are the CA, the certificate and its key."""
    ca, certificate, key = files
    server = Server((address, int(port)), handler(Counter(cluster, kind.open)), ca, certificate, key)
    notify("READY=1")
    server.serve_forever()


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)), where it started this program."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(state.encode(), f"\0{place[1:]}" if place.startswith("@") else place)
