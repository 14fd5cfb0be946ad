# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function of a queue that writes each event to a store under its key, so that a second delivery changes nothing."""

from __future__ import annotations

import http.client
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One event."""

    def do_POST(self) -> None:
        """Keep it; without the store it is tried again."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            store = http.client.HTTPConnection(os.environ["STORE"], timeout=10)
            store.request("PUT", f"/{self.headers['ce-id']}")
            status = 204 if store.getresponse().status in (200, 201) else 502
            store.close()
        except OSError:
            status = 503
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_given: object) -> None:
        """Say nothing of 10,000 events."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
