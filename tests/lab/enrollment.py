# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that join by themselves, with nothing but a join document."""

from __future__ import annotations

import json
import time
from pathlib import Path

from .servers import Lab, Server


def enroll(lab: Lab, tmp_path: Path, *arguments: str, pool: str = "web") -> str:
    """The join document for a pool."""
    path = tmp_path / "join.json"
    lab.play("enroll", "-e", f"enroll_pool={pool}", "-e", f"enroll_document={path}", *arguments).expect()
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text()


def give(lab: Lab, host: Server, document: str) -> None:
    """Put a join document on a server, as user data does."""
    lab.ssh(
        host,
        "umask 077; mkdir -p /etc/keelson; cat > /etc/keelson/part; mv /etc/keelson/part /etc/keelson/join.json",
        given=document,
    )


def outcome(lab: Lab, host: Server, timeout: float = 90) -> dict[str, str]:
    """What the server says came of its join, once it is over."""
    end = time.monotonic() + timeout
    while True:
        said = lab.ssh(host, "cat /var/lib/keelson/join.json", check=False)
        found: dict[str, str] = json.loads(said) if said else {}
        if found.get("state") in ("joined", "refused"):
            return found
        assert time.monotonic() < end, f"{host.name}: {found}"
        time.sleep(1)
