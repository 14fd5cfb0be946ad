# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running sidecar tells at its admin socket. Standard library only."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from collections.abc import Mapping
from typing import Any

from . import places

PATIENCE = 5.0


class Socket(http.client.HTTPConnection):
    """HTTP over a socket that is a file."""

    def __init__(self, path: str) -> None:
        super().__init__("admin", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def get(sidecar: str, path: str) -> str:
    """Ask the sidecar. Raises OSError."""
    link = Socket(f"{places.RUN}/{sidecar}/admin.sock")
    try:
        link.request("GET", path)
        return link.getresponse().read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"{path}: {error}") from error
    finally:
        link.close()


def state(sidecar: str) -> str:
    """LIVE when it serves, what it says instead, or '' when it says nothing."""
    try:
        return get(sidecar, "/ready").strip()
    except OSError:
        return ""


def stats(sidecar: str, pattern: str) -> dict[str, Any]:
    """Its statistics by name, whose names match a pattern. Raises OSError, ValueError."""
    found = json.loads(get(sidecar, f"/stats?format=json&filter={urllib.parse.quote(pattern)}"))["stats"]
    return {entry["name"]: entry["value"] for entry in found if "name" in entry}


def rejected(found: Mapping[str, Any]) -> dict[str, int]:
    """How often it refused something, by statistic."""
    return {name: int(value) for name, value in found.items() if name.endswith("update_rejected") and value}


def listening(sidecar: str) -> set[tuple[str, int]]:
    """Where it listens. Raises OSError, ValueError."""
    found = json.loads(get(sidecar, "/listeners?format=json")).get("listener_statuses", [])
    places_of = [
        entry["local_address"]["socket_address"] for entry in found if "socket_address" in entry["local_address"]
    ]
    return {(place["address"], int(place["port_value"])) for place in places_of}
