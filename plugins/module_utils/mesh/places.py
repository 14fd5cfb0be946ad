# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host keeps its sidecars, whatever provider configures them. Standard library only."""

from __future__ import annotations

import json
from typing import Any

CONFIG = "/etc/keelson-mesh"  # a folder for each sidecar, and what programs of the host read
HOST = f"{CONFIG}/host.json"  # the sidecars of this host, for the programs that keep what they need fresh
STATE = "/var/lib/keelson-mesh"  # keys, certificates and trust, a folder for each sidecar
RUN = "/run/mesh-sidecar"  # admin sockets
RULES = f"{CONFIG}/rules.nft"
ENVOY = "/usr/local/bin/envoy"


def unit(sidecar: str) -> str:
    """The unit of a sidecar."""
    return f"mesh-sidecar@{sidecar}.service"


def account(sidecar: str) -> str:
    """The account of a sidecar."""
    return f"mesh_{sidecar}"


def host(path: str = HOST) -> dict[str, Any]:
    """What a file of the mesh tells: unless another is named, the sidecars of this host. Raises OSError, ValueError."""
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found
