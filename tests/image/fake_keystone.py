# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake of Keystone, OpenStack's identity service (API v3): Packer's plugin logs in to read a template of its builder.

Every password is right; the catalogue it hands out names services that nobody serves.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

#: The cloud's name in the file that is written, as in targets/openstack.pkrvars.hcl.
NAME, REGION = "openstack", "one"


class Keystone(BaseHTTPRequestHandler):
    """Answers `POST /v3/auth/tokens`, and nothing else."""

    def do_POST(self) -> None:  # noqa: N802
        """Give a token, whoever asks."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path == "/v3/auth/tokens" and "password" in asked["auth"]["identity"]["methods"]
        endpoint = {
            "id": "1",
            "interface": "public",
            "region": REGION,
            "region_id": REGION,
            "url": "http://127.0.0.1:1/",
        }
        catalogue = [
            {"id": kind, "type": kind, "name": kind, "endpoints": [endpoint]}
            for kind in ("compute", "image", "network", "volumev3")
        ]
        times = {"issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2099-01-01T00:00:00.000000Z"}
        token = {"methods": ["password"], **times, "catalog": catalogue, "user": {"id": "1", "name": "builder"}}
        body = json.dumps({"token": token}).encode()
        self.send_response(201 if good else 404)
        self.send_header("X-Subject-Token", "fake")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def keystone(file: Path) -> Iterator[None]:
    """Serve on loopback while the block runs, with a clouds.yaml in `file` that leads there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Keystone) as server:
        who = {"username": "builder", "password": "fake", "project_name": "images"}
        where = {"auth_url": f"http://127.0.0.1:{server.server_port}/v3", "user_domain_name": "Default"}
        cloud = {"auth": {**who, **where, "project_domain_name": "Default"}, "region_name": REGION}
        file.write_text(json.dumps({"clouds": {NAME: cloud}}))
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
