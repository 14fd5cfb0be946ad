# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The enrollment service on a manager at which new hosts ask to join, over TLS with the manager's own certificate. Standard library only.

usage: python3 -m utils.enrollment.service ENGINE CLUSTER ADDRESS PORT CERTIFICATE KEY
"""

from __future__ import annotations

import contextlib
import http.server
import importlib
import json
import os
import re
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from typing import Any

from ..cluster.remote import ApiError
from . import certificate
from .manager import JoiningHost
from .tokens import Denied, enroll

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LARGEST = 1 << 16  # bytes of a request
PATIENCE = 20  # seconds a host may take to ask


@dataclass(frozen=True)
class Counter:
    """What a manager needs to answer: the cluster's name, and its engine's module `enrollment`."""

    cluster: str
    engine: Any

    def answer(self, path: str, asked: dict[str, Any], peer: str, now: float) -> dict[str, Any]:
        """Answer a host. Raises Denied, ApiError.

        C(asked) has C(token), C(name), C(address) and C(request), a certificate request.
        """
        try:
            token, new = str(asked["token"]), joining_host(asked, peer)
        except (KeyError, TypeError) as error:
            raise Denied(
                400, f"the request to join lacks {error}; the host runs another version of this collection"
            ) from error
        return self.join(token, new, now) if path == "/v1/join" else self.joined(new)

    def join(self, token: str, new: JoiningHost, now: float) -> dict[str, Any]:
        """Let a host in: what it becomes a member by."""
        enrollment_service = self.engine.EnrollmentService.open(self.cluster)
        holder = enrollment_service.holder(new.name)
        if holder not in ("", new.address):
            raise Denied(409, f"{new.name} is the name of a member at {holder}; give the new host another one")
        used = enrollment_service.change(
            token.partition(".")[0], lambda found: enroll(found, token, new.name, new.key, now)
        )
        answer: dict[str, Any] = enrollment_service.introduce(new, used.pool)
        return answer

    def joined(self, new: JoiningHost) -> dict[str, Any]:
        """Finish what a host has begun: nothing when it is a member now."""
        missing = self.engine.EnrollmentService.open(self.cluster).settle(new)
        if missing:
            raise Denied(503, missing)
        return {}


def joining_host(asked: dict[str, Any], peer: str) -> JoiningHost:
    """The host that asks, which is who it says it is as far as can be seen from here. Raises Denied, KeyError, TypeError."""
    name, address, request = (str(asked[key]) for key in ("name", "address", "request"))
    if not NAME.fullmatch(name):
        raise Denied(400, f"{name!r} cannot be a host's name: lower-case letters, digits and '-', 63 at most")
    if address != peer:
        raise Denied(
            403, f"the host calls itself {address} and asks from {peer}; correct the address in its join document"
        )
    return JoiningHost(name, address, request, certificate.key_digest(request))


def handler(counter: Counter) -> type[http.server.BaseHTTPRequestHandler]:
    """The handler of one counter."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """POST /v1/join, and /v1/joined when that is done; everything else is not there."""

        timeout = PATIENCE

        def do_POST(self) -> None:
            """Answer one host."""
            peer = self.client_address[0]
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if self.path not in ("/v1/join", "/v1/joined") or not 0 < length <= LARGEST:
                    raise Denied(404, "there is nothing here but POST /v1/join")
                asked = json.loads(self.rfile.read(length))
                answer = counter.answer(self.path, asked, peer, time.time())
            except Denied as error:
                self.reply(error.status, {"error": str(error)}, peer)
            except ValueError as error:
                self.reply(400, {"error": f"the request is no JSON: {error}"}, peer)
            except (ApiError, OSError, KeyError) as error:
                self.reply(503, {"error": f"this manager cannot let anybody in now: {error}"}, peer)
            else:
                self.reply(200, answer, f"{asked['name']} ({peer})")

        def reply(self, status: int, body: dict[str, Any], who: str) -> None:
            """Answer, and say in the journal who was let in or not and why."""
            said = {"/v1/join": "let in", "/v1/joined": "has joined"}.get(self.path, "")
            sys.stdout.write(f"{who}: {said if status == 200 else body['error']}\n")
            sys.stdout.flush()
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep requests out of the journal: reply says what matters."""

    return Handler


class Server(http.server.ThreadingHTTPServer):
    """Speaks TLS in the thread of each connection, so that one who says nothing holds up nobody."""

    daemon_threads = True
    request_queue_size = 128  # a whole pool may boot at once

    def __init__(self, address: tuple[str, int], counter: Counter, certificate: str, key: str) -> None:
        super().__init__(address, handler(counter))
        self.files = (certificate, key)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Greet with the certificate as it is now, for it is renewed; an unauthorized client's noise ends this connection alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self.files)
        request.settimeout(PATIENCE)
        # One who goes away asks again.
        with contextlib.suppress(OSError), context.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)


def main(engine: str, cluster: str, address: str, port: str, certificate: str, key: str) -> None:
    """Serve until stopped."""
    module = importlib.import_module(f"..{engine}.enrollment", __package__)
    server = Server((address, int(port)), Counter(cluster, module), certificate, key)
    notify("READY=1")
    server.serve_forever()


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)), where it started this program."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(state.encode(), f"\0{place[1:]}" if place.startswith("@") else place)


if __name__ == "__main__":
    main(*sys.argv[1:])
