# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function alone, as its pipeline tests it: python3 -m unittest."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
import unittest

import greet


class Greet(unittest.TestCase):
    """Called by HTTP."""

    def test_a_name_is_greeted(self) -> None:
        """As its contract says."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), greet.Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        link = http.client.HTTPConnection("127.0.0.1", server.server_port)
        link.request("GET", "/?name=Ada")
        self.assertEqual(json.load(link.getresponse()), {"greeting": "Hello, Ada"})
        link.close()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    unittest.main()
