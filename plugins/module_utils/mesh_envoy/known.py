# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host and its managers keep for sidecars without a control plane. Standard library only."""

from __future__ import annotations

import json
from typing import Any

from ..mesh.places import CONFIG

HOST = f"{CONFIG}/host.json"
ISSUED = "/etc/keelson/{cluster}/mesh.json"  # on managers: which host may have which identities
ISSUER = 4651
PUBLIC_CA = "/etc/ssl/certs/ca-certificates.crt"


def host(path: str = HOST) -> dict[str, Any]:
    """What this host runs. Raises OSError, ValueError."""
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found
