# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the readers are tried against: an HTTP server that answers as told, the API of HCP Terraform, PostgreSQL, real stacks."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What a server answers. length: the Content-Length it claims, where that is a lie."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    length: int | None = None
    pause: float = 0


Answer = Callable[[str, dict[str, str]], Reply]


@contextlib.contextmanager
def serving(answer: Answer, certificate: tuple[str, str] | None = None) -> Iterator[str]:
    """An HTTP(S) server on a free port of loopback; yields its root. ANSWER gets path and headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = answer(self.path, {key.lower(): value for key, value in self.headers.items()})
            time.sleep(reply.pause)
            with contextlib.suppress(OSError):
                self.send_response(reply.status)
                for key, value in reply.headers.items():
                    self.send_header(key, value)
                if reply.status not in (204, 304):
                    self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Tfe:
    """The four answers of the HCP Terraform API that reading a workspace needs."""

    def __init__(self, state: bytes, token: str) -> None:
        self.state, self.token, self.root, self.downloads = state, token, "", 0
        self.leaked: list[str] = []

    def answer(self, path: str, headers: dict[str, str]) -> Reply:
        """Answer as the API documentation shows."""
        if path == "/archivist/object":
            self.leaked += [headers["authorization"]] if "authorization" in headers else []
            self.downloads += 1
            return Reply(body=self.state)
        if headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, b'{"errors":[{"status":"401","title":"unauthorized"}]}')
        if path == "/api/v2/organizations/acme/workspaces/web":
            return self.json({"id": "ws-1", "type": "workspaces", "attributes": {"name": "web"}})
        if path == "/api/v2/workspaces/ws-1/current-state-version":
            url = f"{self.root}/api/state-versions/sv-1/download"
            return self.json(
                {"id": "sv-1", "type": "state-versions", "attributes": {"serial": 9, "hosted-state-download-url": url}}
            )
        if path == "/api/state-versions/sv-1/download":
            # The real one redirects to its object store, on another host.
            return Reply(302, headers={"Location": f"{self.root.replace('127.0.0.1', 'localhost')}/archivist/object"})
        if path == "/api/v2/workspaces/ws-1/current-state-version-outputs":
            outputs = json.loads(self.state)["outputs"]
            return self.json(
                [
                    {
                        "id": f"wsout-{name}",
                        "type": "state-version-outputs",
                        "attributes": {
                            "name": name,
                            "value": None if item.get("sensitive") else item["value"],
                            "sensitive": item.get("sensitive", False),
                            "type": "array",
                            "detailed-type": item["type"],
                        },
                    }
                    for name, item in outputs.items()
                ]
            )
        return Reply(404, b'{"errors":[{"status":"404","title":"not found"}]}')

    @staticmethod
    def json(data: Any) -> Reply:
        """A document of the API."""
        return Reply(body=json.dumps({"data": data}).encode(), headers={"Content-Type": "application/vnd.api+json"})


def stack_tool() -> str:
    """terraform, or tofu where only that is on PATH."""
    found = shutil.which("terraform") or shutil.which("tofu")
    assert found, "put terraform or tofu on PATH (make opentofu) to try real stacks"
    return found


def postgres_programs() -> pathlib.Path | None:
    """The folder of PostgreSQL's server programs (Debian: package postgresql), or None."""
    found = [
        *sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        *map(pathlib.Path, filter(None, [shutil.which("initdb")])),
    ]
    return found[-1].resolve().parent if found else None


@contextlib.contextmanager
def postgres(folder: pathlib.Path, programs: pathlib.Path) -> Iterator[str]:
    """A PostgreSQL server on a socket in FOLDER; yields its connection string. As root it runs as the user postgres."""
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data = folder / "data"
    if user:
        shutil.chown(folder, "postgres")
    run = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([*user, programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"], **run)
    server = [*user, programs / "pg_ctl", "-D", data, "-w"]
    subprocess.run([*server, "-o", f"-k {folder} -c listen_addresses='' -F", "-l", folder / "log", "start"], **run)
    try:
        yield f"host={folder} user=postgres dbname=postgres"
    finally:
        subprocess.run([*server, "-m", "immediate", "stop"], **run)
