# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets a Nomad cluster starts with."""

from __future__ import annotations

import base64
import os
import uuid
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import FINISH

from ..contract import Rotated
from ..pki import make_ca


def make_secrets(cluster: str) -> dict[str, Any]:
    """A fresh set: the CA, the gossip key and the secret of the first management token (a UUID)."""
    return {
        **authority(cluster, 1),
        "gossip_key": gossip_key(),
        "bootstrap_token": str(uuid.uuid4()),
    }


def authority(cluster: str, number: int) -> dict[str, str]:
    """A fresh CA, whose name tells it from those before it."""
    ca = make_ca(f"keelson {cluster} CA{f' {number}' if number > 1 else ''}")
    return {"ca_certificate": ca.certificate, "ca_key": ca.key}


def gossip_key() -> str:
    """A fresh key of the gossip between managers (32 bytes, AES-256)."""
    return base64.b64encode(os.urandom(32)).decode()


def restored_secrets(payload: dict[str, Any]) -> dict[str, Any]:
    """Those of a backup with another gossip key: managers of before the restore do not find those of after it."""
    rotations = {**payload.get("rotations", {})}
    if "gossip_key" in rotations:
        rotations["gossip_key"] = {**rotations["gossip_key"], "phase": FINISH, "other": {}}
    return {**payload, "gossip_key": gossip_key(), **({"rotations": rotations} if rotations else {})}


ROTATED = {
    "ca": Rotated(("ca_certificate", "ca_key"), authority),
    "gossip_key": Rotated(("gossip_key",), lambda _cluster, _number: {"gossip_key": gossip_key()}),
    "management_token": Rotated(("bootstrap_token",)),  # Nomad makes it, see nomad/acl.py
}
