# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of Consul: an authority of its own for its servers, the gossip key, and what all tokens are made from."""

from __future__ import annotations

import base64
import os
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from ..pki import make_ca


def make_secrets(cluster: str) -> dict[str, str]:
    """A fresh set. The management token is a UUID, as Consul wants it; C(seed) is what the other tokens are made from."""
    authority = make_ca(f"keelson {cluster} Consul CA")
    return {
        "ca_certificate": authority.certificate,
        "ca_key": authority.key,
        "gossip_key": base64.b64encode(os.urandom(32)).decode(),
        "management_token": str(uuid.uuid4()),
        "seed": secrets.token_hex(32),
    }


def own_secrets(
    cluster: str, _variables: Mapping[str, Any], present: Mapping[str, Any] | None, _change: str
) -> dict[str, Any]:
    """Those there are, or the first ones."""
    return dict(present or make_secrets(cluster))
