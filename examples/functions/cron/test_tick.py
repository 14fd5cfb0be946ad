# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function alone, as its pipeline tests it: python3 -m unittest."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import io
import threading
import unittest

import tick


class Tick(unittest.TestCase):
    """Given a tick of its schedule."""

    def test_it_says_which_tick_it_was_given(self) -> None:
        """By its id and subject."""
        told = io.StringIO()
        server = http.server.HTTPServer(("127.0.0.1", 0), tick.Handler)
        with contextlib.redirect_stdout(told):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            link = http.client.HTTPConnection("127.0.0.1", server.server_port)
            link.request("POST", "/", b"", {"ce-id": "shop.7", "ce-subject": "tick"})
            self.assertEqual(link.getresponse().status, 204)
        link.close()
        server.shutdown()
        server.server_close()
        self.assertEqual(told.getvalue(), "tick shop.7 of tick\n")


if __name__ == "__main__":
    unittest.main()
