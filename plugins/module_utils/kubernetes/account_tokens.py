# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which key the tokens of service accounts are signed, on hosts and in the cluster. Standard library only."""

from __future__ import annotations

import base64
import glob
import hashlib
import json
from collections.abc import Collection, Sequence

from .api import Api
from .view import list_nodes

# Tokens of pods (pkg/volume/projected); a pod's specification may give the file any name.
TOKENS = "/var/lib/kubelet/pods/*/volumes/kubernetes.io~projected/**"
SECRETS = "/api/v1/secrets?fieldSelector=type=kubernetes.io/service-account-token"


def key_id(public_key: str) -> str:
    """How tokens name the key that signed them, from its PEM (pkg/serviceaccount/jwt.go). Raises ValueError."""
    body = "".join(line for line in public_key.splitlines() if "-----" not in line)
    digest = hashlib.sha256(base64.b64decode(body, validate=True)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def signer(token: str) -> str:
    """The name of the key that signed a token, '' of what is no token."""
    head = token.partition(".")[0]
    try:
        return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
    except (ValueError, KeyError, TypeError):
        return ""


def on_this_host(public_keys: Sequence[str]) -> list[str]:
    """The files with tokens for pods of this host that one of the keys has signed. Raises ValueError."""
    keys, found = {key_id(key) for key in public_keys}, []
    for path in glob.glob(TOKENS, recursive=True) if keys else ():
        try:
            with open(path, encoding="ascii") as file:
                if signer(file.read(4096)) in keys:
                    found.append(path)
        except (OSError, ValueError):  # a folder, no text, or of a pod that has just ended
            continue
    return found


def in_the_cluster(api: Api, public_keys: Sequence[str], took_part: Collection[str]) -> list[str]:
    """What may use tokens that one of the keys has signed: nodes that have not taken part, and Secrets. Raises ApiError, ValueError."""
    nodes = (node for node in list_nodes(api) if not node.trouble and node.name not in took_part)
    keys, found = {key_id(key) for key in public_keys}, [f"node {node.name} has taken no part" for node in nodes]
    for entry in api.items(SECRETS) if keys else ():
        token = base64.b64decode((entry.get("data") or {}).get("token", "")).decode("ascii", "replace")
        if signer(token) in keys:
            meta = entry["metadata"]
            found.append(f"Secret {meta['name']} of namespace {meta['namespace']} has a token by the key before")
    return found
