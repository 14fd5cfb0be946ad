# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications that drills deploy, as data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from .servers import Lab

HELLO: dict[str, Any] = {
    "name": "hello",
    "artifact": "sample-app",
    "image": "keelson/sample-app:1.1.0",
    "pool": "web",
    "instances": 2,
    "port": 8080,
    "health": "/healthz",
    "cpu": 20,
    "memory": 32,
}


@contextmanager
def deployed(lab: Lab, folder: Path, **changes: Any) -> Iterator[str]:
    """The application while it runs on the cluster, and its name."""
    path = folder / "hello.yml"
    path.write_text(yaml.safe_dump({**HELLO, "variables": {"LISTEN": ":8080", "RELEASE": "1"}, **changes}))
    lab.play("deploy", "-e", f"deploy={path}").expect()
    try:
        yield HELLO["name"]
    finally:
        lab.play("deploy", "-e", f"deploy={path}", "-e", "deploy_state=absent").expect()
