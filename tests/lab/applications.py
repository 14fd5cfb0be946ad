# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications that drills deploy, as data."""

from __future__ import annotations

from typing import Any

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
