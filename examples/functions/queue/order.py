# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function of a queue: it takes orders, and refuses what is none, so that it ends among the dead letters."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """One event. Its ce-id is the same at each attempt: whoever writes to a store writes under this key."""

    def do_POST(self) -> None:
        """Take it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            order = json.loads(body)
            print(f"order {order['number']} with the key {self.headers['ce-id']}", flush=True)
            status = 204
        except (ValueError, KeyError, TypeError):
            status = 422
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
