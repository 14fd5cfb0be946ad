# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small server that speaks HashiCorp Vault's KV version 2, as far as the library hvac asks it.

Answers as Vault's API documentation has them (secret/kv/kv-v2).
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from typing import Any


class FakeVault:
    """One KV engine at `secret/`, open to the token `root`."""

    def __init__(self) -> None:
        """Listen on a port of the loopback."""
        self.versions: dict[str, list[Any]] = {}
        self.sealed = False
        self.before_write: Callable[[], None] = lambda: None
        self.deleted: dict[str, Any] = {}  # what the newest version's metadata say then
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """Status and body of one request."""
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != "root":
            return 403, {"errors": ["permission denied"]}
        if not path.startswith("/v1/secret/data/"):
            return 404, {"errors": [f'no handler for route "{path[4:]}". route entry not found.']}
        kept = self.versions.setdefault(path.removeprefix("/v1/secret/data/"), [])
        if method in ("POST", "PUT"):
            self.before_write()
            if (body.get("options") or {}).get("cas", len(kept)) != len(kept):
                return 400, {"errors": ["check-and-set parameter did not match the current version"]}
            kept.append(body["data"])
            return 200, {"data": {"version": len(kept), "destroyed": False}}
        if not kept:
            return 404, {"errors": []}
        if self.deleted:
            return 404, {"data": {"data": None, "metadata": {"version": len(kept), **self.deleted}}}
        return 200, {"data": {"data": kept[-1], "metadata": {"version": len(kept), "deletion_time": ""}}}


def _handler(fake: FakeVault) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = fake.answer(self.command, self.path, self.headers.get("X-Vault-Token", ""), body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = handle_request  # noqa: N815 (names of the standard library)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    return Handler
