# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions of the leak test, which `verify` calls: in two tenants of their own. Pure but for reading their program."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.isolation import TENANTS, name, path, token

from . import artifacts, events

PROGRAM = Path(__file__).parents[3] / "examples/functions/leak/leak.py"


def probes(pool: str, isolations: list[str], secret: str) -> dict[str, list[dict[str, Any]]]:
    """Tenants and functions as a site writes them; none without a pool."""
    if not pool:
        return {"tenants": [], "functions": []}
    tokens = {tenant: token(events.password(secret, tenant)) for tenant in TENANTS}
    tenants = [
        {"name": tenant, "pool": pool, "tokens": [hashlib.sha256(text.encode()).hexdigest()], "storage": 8}
        for tenant, text in tokens.items()
    ]
    first, second = TENANTS
    functions = [
        {
            "name": name(isolation, more),
            "tenant": tenant,
            "artifact": str(PROGRAM),
            "digest": artifacts.digest(PROGRAM.read_bytes()),
            "command": ["python3", PROGRAM.name],
            "http": [path(tenant, isolation, more)],
            "isolation": isolation,
            "timeout": 20,
            "memory": 96,
        }
        for isolation in isolations
        for tenant, more in ((first, ""), (first, "peer"), (second, ""))
    ]
    return {"tenants": tenants, "functions": functions}
