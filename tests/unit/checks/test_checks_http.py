# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load that counts what fails, and instances that must answer as themselves."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.checks.http import Instance, Load, answers


class App(http.server.BaseHTTPRequestHandler):
    """The sample application, or a broken one."""

    status = 200
    instance = "a1"

    def do_GET(self) -> None:
        """Answer as the sample application does."""
        data = {"instance": self.instance, "host": "w1", "release": "1", "requests": 1}
        body = b"ok" if self.path == "/healthz" else json.dumps(data).encode()
        self.send_response(200 if self.path == "/healthz" else self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""


@pytest.fixture
def app() -> Iterator[tuple[type[App], Instance, http.server.ThreadingHTTPServer]]:
    """A running application, the instance it is, and its server."""

    class Mine(App):
        pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Mine, {"id": "a1", "host": "w1", "address": "127.0.0.1", "port": server.server_port}, server
        server.shutdown()


def test_an_instance_that_answers(app: Any) -> None:
    verdict = answers([app[1]])
    assert verdict.passed and "release 1" in verdict.evidence


def test_an_instance_that_is_another(app: Any) -> None:
    app[0].instance = "b2"
    assert "is b2 on w1, not a1" in answers([app[1]]).evidence


def test_an_instance_with_an_error(app: Any) -> None:
    app[0].status = 500
    verdict = answers([app[1]])
    assert not verdict.passed and "HTTP 500" in verdict.evidence


def test_no_instances_is_no_answer() -> None:
    assert not answers([]).passed


def until(reached: Callable[[], bool]) -> None:
    """Wait until something is reached, ten seconds at most: machines are slow when they are busy."""
    end = time.monotonic() + 10
    while not reached() and time.monotonic() < end:
        time.sleep(0.02)


def test_load_without_a_failure(app: Any) -> None:
    with Load(lambda: [app[1]]) as load:
        until(lambda: load.sent > 5)
    verdict = load.verdict()
    assert verdict.passed and load.sent > 5, verdict


def test_load_counts_errors(app: Any) -> None:
    with Load(lambda: [app[1]]) as load:
        until(lambda: load.sent > 0)
        app[0].status = 503
        until(lambda: bool(load.failures))
    verdict = load.verdict()
    assert not verdict.passed and "HTTP 503" in verdict.evidence, verdict


def test_load_counts_a_server_that_went_away(app: Any) -> None:
    with Load(lambda: [app[1]]) as load:
        until(lambda: load.sent > 0)
        app[2].shutdown()
        app[2].server_close()
        until(lambda: bool(load.failures))
    assert not load.verdict().passed


def test_load_without_instances_fails() -> None:
    with Load(lambda: []) as load:
        until(lambda: load.sent > 0)
    assert "no healthy instance" in load.verdict().evidence


def test_load_leaves_out_what_is_not_healthy_yet(app: Any) -> None:
    dead = {"id": "x", "host": "w9", "address": "127.0.0.1", "port": 1}
    with Load(lambda: [app[1], dead]) as load:
        until(lambda: load.sent > 5)
    assert load.verdict().passed
