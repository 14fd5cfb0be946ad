#!/usr/bin/python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service of the example shop: it answers on loopback, and asks the service behind it through its sidecar.

usage: shop.py NAME VERSION PORT [URL OF THE UPSTREAM]
A file /tmp/NAME.fails makes it answer 500 to everything, as a broken instance does.
"""

import http.client
import http.server
import json
import os
import sys
import time
import urllib.parse

NAME, VERSION, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
UPSTREAM = urllib.parse.urlsplit(sys.argv[4]) if len(sys.argv) > 4 else None
PASSED_ON = ("traceparent", "tracestate", "x-request-id")  # so that a trace spans all services


class Service(http.server.BaseHTTPRequestHandler):
    """GET or POST anything; /slow?SECONDS waits, /alone asks nobody."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer with who asked, and with what the upstream says."""
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        path, _mark, query = self.path.partition("?")
        if path == "/slow":
            time.sleep(float(query or 1))
        answer = {"service": NAME, "version": VERSION, "caller": self.headers.get("x-forwarded-client-cert", "")}
        status = 500 if os.path.exists(f"/tmp/{NAME}.fails") else 200
        if UPSTREAM and status == 200 and path not in ("/health", "/alone", "/slow"):
            status, answer["upstream"] = ask(self.headers)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET

    def log_message(self, *_arguments):
        """The sidecar writes the access log."""


def ask(headers):
    """What the upstream answers."""
    link = http.client.HTTPConnection(UPSTREAM.hostname, UPSTREAM.port, timeout=20)
    try:
        link.request("GET", UPSTREAM.path or "/", headers={name: headers[name] for name in PASSED_ON if headers[name]})
        reply = link.getresponse()
        text = reply.read().decode()
        return reply.status, json.loads(text) if text.startswith("{") else text
    except OSError as error:
        return 502, str(error)
    finally:
        link.close()


class Server(http.server.ThreadingHTTPServer):
    """As many connections at a time as come."""

    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", PORT), Service).serve_forever()
