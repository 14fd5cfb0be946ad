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
LISTS = {"lds.json": "listener_manager.lds", "cds.json": "cluster_manager.cds"}


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


def version_name(file: str, content: Mapping[str, Any]) -> str:
    """The statistic that has the version of what a file of discovery holds, '' for other files."""
    if file.startswith("rds_"):
        name = content["resources"][0]["name"]
        return f"http.{name}.rds.{name}.version_text"
    return f"{LISTS[file]}.version_text" if file in LISTS else ""


def unsettled(found: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The files whose content the sidecar does not use yet, by its statistics."""
    names = {file: version_name(file, content) for file, content in files.items()}
    return [file for file, name in names.items() if name and found.get(name) != files[file]["version_info"]]


def rejected(found: Mapping[str, Any]) -> dict[str, int]:
    """How often it refused something, by statistic."""
    return {name: int(value) for name, value in found.items() if name.endswith("update_rejected") and value}
