# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tenants mean for JetStream: an account each, with limits, and a password that only the gateways have."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from .functions import Tenant


def password(secret: str, tenant: str) -> str:
    """The password of a tenant's account: made from a secret of the cluster, which it does not tell."""
    return hmac.new(secret.encode(), f"faas/{tenant}".encode(), hashlib.sha256).hexdigest()


def events(tenants: list[Tenant], secret: str, replicas: int) -> dict[str, Any]:
    """The accounts of NATS's configuration, and the passwords by tenant."""
    passwords = {tenant.name: password(secret, tenant.name) for tenant in tenants}
    accounts = {
        tenant.name: {
            "users": [{"user": tenant.name, "password": passwords[tenant.name]}],
            "jetstream": {"max_memory": 0, "max_file": tenant.storage * replicas * 1024 * 1024, "max_streams": 3},
        }
        for tenant in tenants
    }
    return {"accounts": accounts, "passwords": passwords}
