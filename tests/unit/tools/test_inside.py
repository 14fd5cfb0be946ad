# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that asks an application from inside a cluster counts what failed, and nothing that was not to answer yet."""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.inside import ASK
from lab.waiting import wait


@contextlib.contextmanager
def answering(port: int = 0) -> Iterator[int]:
    """A server of this machine, on a port of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], dict[str, Any]]]]:
    """The file that says whom the program asks, and what it has counted."""
    instances, counts = tmp_path / "instances", tmp_path / "counts.json"
    instances.write_text("")
    command = [sys.executable, "-c", ASK, str(counts), str(instances)]
    with subprocess.Popen(command) as program:
        try:
            wait("the program", counts.exists, 20)
            yield instances, lambda: json.loads(counts.read_text())
        finally:
            program.kill()


def test_what_fails_after_an_instance_was_well_counts(asked: tuple[Path, Callable[[], dict[str, Any]]]) -> None:
    instances, counts = asked
    with answering() as port:
        pass
    url = f"http://127.0.0.1:{port}/"
    instances.write_text(url)  # it is announced, and does not answer yet
    with contextlib.suppress(AssertionError):
        wait("a count", lambda: counts()["asked"] > 0, 1)
    assert counts() == {"asked": 0, "failed": []}
    with answering(port):
        wait("answers", lambda: counts()["asked"] > 3, 20)
        assert counts()["failed"] == []
    wait("a failure", lambda: bool(counts()["failed"]), 20)
    assert url in counts()["failed"][0]
    instances.write_text("")  # it is withdrawn
    wait("a round without it", lambda: not moves(counts), 20)


def moves(counts: Callable[[], dict[str, Any]]) -> bool:
    """Whether more is asked within a second."""
    before = counts()
    with contextlib.suppress(AssertionError):
        wait("another request", lambda: counts() != before, 1)
    return counts() != before
