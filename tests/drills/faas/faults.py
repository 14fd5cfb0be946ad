# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function that does what functions should not: the body of a call names it. The answer says how far it came."""

from __future__ import annotations

import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def forks() -> int:
    """Make as many processes as there may be."""
    count = 0
    try:
        while count < 5000:
            if not os.fork():
                time.sleep(60)
                os._exit(0)
            count += 1
    except OSError:
        pass
    return count


def disk() -> int:
    """Write as many MiB as there is room for."""
    count = 0
    try:
        with open("/tmp/fill", "wb") as handle:
            while count < 2000:
                handle.write(b"x" * 2**20)
                handle.flush()
                count += 1
    except OSError:
        pass
    return count


def sockets() -> int:
    """Open as many sockets as there may be."""
    kept = []
    try:
        while len(kept) < 10000:
            kept.append(socket.socket())
    except OSError:
        pass
    return len(kept)


class Handler(BaseHTTPRequestHandler):
    """One call."""

    def do_POST(self) -> None:
        """Misbehave, then answer."""
        order = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if order == "never":
            time.sleep(3600)
        if order == "gigabyte":
            self.send_response(200)
            self.send_header("Content-Length", str(2**30))
            self.end_headers()
            for _ in range(2**10):
                self.wfile.write(b"x" * 2**20)
            return
        body = str({"forks": forks, "disk": disk, "sockets": sockets}.get(order, lambda: 0)()).encode()
        self.send_response(200 if order != "poison" else 422)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if os.environ.get("START") == "crash":
        sys.exit("this function crashes at its start")
    if os.environ.get("START") == "mute":
        time.sleep(3600)
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
