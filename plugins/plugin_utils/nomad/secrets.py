# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets a Nomad cluster starts with."""

from __future__ import annotations

import base64
import os
import uuid
from typing import Any

from ..pki import make_ca


def make_secrets(cluster: str) -> dict[str, Any]:
    """A fresh set: the CA, the gossip key and the secret of the first management token (a UUID)."""
    ca = make_ca(f"keelson {cluster} CA")
    return {
        "ca_certificate": ca.certificate,
        "ca_key": ca.key,
        "gossip_key": gossip_key(),
        "bootstrap_token": str(uuid.uuid4()),
    }


def gossip_key() -> str:
    """A fresh key of the gossip between managers (32 bytes, AES-256)."""
    return base64.b64encode(os.urandom(32)).decode()


def restored_secrets(payload: dict[str, Any]) -> dict[str, Any]:
    """Those of a backup with another gossip key: managers of before the restore do not find those of after it."""
    return {**payload, "gossip_key": gossip_key()}
