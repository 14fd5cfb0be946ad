# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function alone, as its pipeline tests it: python3 -m unittest."""

from __future__ import annotations

import http.client
import http.server
import os
import threading
import unittest
from unittest import mock

import order


class Store(http.server.BaseHTTPRequestHandler):
    """What takes orders; while it is full it says so."""

    kept: dict[str, bytes] = {}
    full = False

    def do_PUT(self) -> None:
        """Keep one."""
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(507 if Store.full else 201)
        self.end_headers()

    def log_message(self, *_given: object) -> None:
        """Say nothing."""


class Order(unittest.TestCase):
    """Given events, with a store beside it."""

    def setUp(self) -> None:
        """Start both."""
        Store.kept, Store.full = {}, False
        self.servers = [http.server.HTTPServer(("127.0.0.1", 0), kind) for kind in (order.Handler, Store)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = mock.patch.dict(os.environ, {"STORE": f"127.0.0.1:{self.servers[1].server_port}"})
        environment.start()
        self.addCleanup(environment.stop)

    def tearDown(self) -> None:
        """Stop both."""
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def give(self, key: str, body: bytes) -> int:
        """Hand one event over, as the gateway does."""
        link = http.client.HTTPConnection("127.0.0.1", self.servers[0].server_port)
        link.request("POST", "/", body, {"ce-id": key})
        status = link.getresponse().status
        link.close()
        return status

    def test_an_order_that_comes_twice_is_kept_once(self) -> None:
        """Under its key."""
        self.assertEqual([self.give("a/1", b'{"number": 7}') for _turn in range(2)], [204, 204])
        self.assertEqual(Store.kept, {"/orders/a%2F1": b'{"number": 7}'})

    def test_a_store_that_fails_is_tried_again(self) -> None:
        """So that the event is not lost."""
        Store.full = True
        self.assertEqual(self.give("a", b'{"number": 7}'), 503)
        self.servers[1].server_close()
        with mock.patch.dict(os.environ, {"STORE": "127.0.0.1:1"}):
            self.assertEqual(self.give("a", b'{"number": 7}'), 503)

    def test_what_is_no_order_is_refused(self) -> None:
        """And not tried again without end."""
        self.assertEqual({self.give("a", body) for body in (b"no order", b"[]", b'{"count": 1}')}, {422})
        self.assertEqual(Store.kept, {})


if __name__ == "__main__":
    unittest.main()
