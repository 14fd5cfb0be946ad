# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function of a queue: it puts orders into a store, and refuses what is none, so that it ends among the dead letters.

STORE, one of the function's `services`, is the HOST:PORT of whatever takes PUT, such as a bucket. Without it orders are only logged.
"""

from __future__ import annotations

import http.client
import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote


def put(store: str, key: str, order: bytes) -> bool:
    """Whether the store has taken an order. Under the same key it is the same one, however often it comes."""
    link = http.client.HTTPConnection(store, timeout=10)
    try:
        link.request("PUT", f"/orders/{quote(key, safe='')}", order)
        return link.getresponse().status < 300
    except OSError:
        return False
    finally:
        link.close()


class Handler(BaseHTTPRequestHandler):
    """One event. Its ce-id is the same at each attempt, so it is the key."""

    def do_POST(self) -> None:
        """Take it; 503 asks for another attempt."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            key, number = self.headers["ce-id"] or "", json.loads(body)["number"]
            store = os.environ.get("STORE")
            status = 204 if not store or put(store, key, body) else 503
            print(f"order {number} with the key {key}: {'taken' if status == 204 else 'the store fails'}", flush=True)
        except (ValueError, KeyError, TypeError):
            status = 422
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
