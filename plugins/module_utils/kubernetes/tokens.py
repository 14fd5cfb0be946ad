# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short-lived tokens with which hosts join: one for each run, or one for each host that joins by itself. Standard library only.

https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
"""

from __future__ import annotations

import base64
import datetime
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from .api import Api

SECRETS = "/api/v1/namespaces/kube-system/secrets"
NAME = "bootstrap-token-"
MARK = "made by keelson.cluster for one run"
GROUP = "system:bootstrappers:kubeadm:default-node-token"  # what kubeadm's own access rules are bound to
_LETTERS = string.ascii_lowercase + string.digits


def secret(minutes: int, now: datetime.datetime, mark: str = MARK) -> tuple[str, dict[str, Any]]:
    """Make a token that ends C(minutes) after C(now); returns it and the object that makes the API know it, with its mark."""
    name, key = ("".join(secrets.choice(_LETTERS) for _place in range(length)) for length in (6, 16))
    end = now.astimezone(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return f"{name}.{key}", {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": f"{NAME}{name}", "namespace": "kube-system"},
        "stringData": {
            "description": mark,
            "token-id": name,
            "token-secret": key,
            "expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": GROUP,
        },
    }


def discovery(server: str, ca: str, user: Mapping[str, str]) -> dict[str, Any]:
    """The kubeconfig a host joins with: the endpoint, the one CA it trusts, and its credentials."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca.encode()).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "joining", "user": dict(user)}],
        "contexts": [{"name": "join", "context": {"cluster": "cluster", "user": "joining"}}],
        "current-context": "join",
    }


def make(api: Api, minutes: int, mark: str = MARK) -> str:
    """Make a token, and forget those with the same mark. Raises ApiError."""
    forget(api, lambda _name, found: found == mark)
    token, body = secret(minutes, datetime.datetime.now(datetime.timezone.utc), mark)
    api.post(SECRETS, body)
    return token


def make_for_run(api: Api, minutes: int, holder: str) -> str:
    """Make a token of this run. Those of runs that were cut off are forgotten when this run, C(holder), has the cluster's lease.

    Without the lease any other token may be in use. Raises ApiError.
    """
    if holder:
        forget(api, lambda _name, found: found.startswith(MARK))
    return make(api, minutes, f"{MARK}, {holder or secrets.token_hex(4)}")


def forget(api: Api, chosen: Callable[[str, str], bool]) -> int:
    """Delete every token that is C(chosen) by its name and its mark; returns how many there were. Raises ApiError."""
    found = [
        entry["metadata"]["name"]
        for entry in api.items(f"{SECRETS}?fieldSelector=type=bootstrap.kubernetes.io/token")
        if chosen(
            entry["metadata"]["name"].removeprefix(NAME),
            base64.b64decode(entry.get("data", {}).get("description", "")).decode(),
        )
    ]
    for name in found:
        api.delete(f"{SECRETS}/{name}")
    return len(found)
