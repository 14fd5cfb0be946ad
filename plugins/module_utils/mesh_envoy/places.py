# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host keeps its sidecars. Standard library only."""

from __future__ import annotations

import json
from typing import Any

CONFIG = "/etc/keelson-mesh"  # a folder for each sidecar, and what programs of the host read
STATE = "/var/lib/keelson-mesh"  # keys, certificates and trust, a folder for each sidecar
RUN = "/run/mesh-sidecar"  # admin sockets
HOST = f"{CONFIG}/host.json"
ISSUED = "/etc/keelson/{cluster}/mesh.json"  # on managers: which host may have which identities
ENVOY = "/usr/local/bin/envoy"
ISSUER = 4651
PUBLIC_CA = "/etc/ssl/certs/ca-certificates.crt"


def unit(sidecar: str) -> str:
    """The unit of a sidecar."""
    return f"mesh-sidecar@{sidecar}.service"


def account(sidecar: str) -> str:
    """The account of a sidecar."""
    return f"mesh_{sidecar}"


def host(path: str = HOST) -> dict[str, Any]:
    """What this host runs. Raises OSError, ValueError."""
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found
