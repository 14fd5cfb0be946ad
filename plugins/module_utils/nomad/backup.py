# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the state of a Nomad cluster is saved: a snapshot of raft, in which its keyring is. Standard library only.

The keys of the provider aead, the default, are in it in the clear; another provider's are where that one keeps them.
https://developer.hashicorp.com/nomad/commands/operator/snapshot/save
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

from .api import Api, ApiError

SNAPSHOT = "nomad.snap"
STATUS = "keelson/backup"  # a variable
BLOCK = 1 << 20
PATIENCE = 600.0


def leads(cluster: str) -> bool:
    """Whether this manager's agent leads. Raises ApiError."""
    api = Api.from_env(cluster)
    return str(api.get("/v1/status/leader")).rpartition(":")[0].strip("[]") == api.host


def save(cluster: str, folder: str) -> None:
    """Write a snapshot into a folder. Raises ApiError, OSError."""
    api = Api.from_env(cluster, PATIENCE)
    sha256 = hashlib.sha256()
    with api.answered("GET", "/v1/operator/snapshot") as answer, open(os.path.join(folder, SNAPSHOT), "wb") as file:
        if answer.status != 200:
            raise ApiError(answer.status, answer.read().decode("utf-8", "replace").strip())
        while block := answer.read(BLOCK):
            sha256.update(block)
            file.write(block)
        told = answer.headers.get("Digest", "")
    if told != f"sha-256={base64.b64encode(sha256.digest()).decode()}":
        raise ApiError(0, f"the snapshot is not whole: its digest is not {told!r}, which the leader told")


def record(cluster: str, status: dict[str, Any]) -> None:
    """Keep what came of the last backup. Raises ApiError."""
    body = {"Namespace": "default", "Path": STATUS, "Items": {"status": json.dumps(status)}}
    Api.from_env(cluster).put(f"/v1/var/{STATUS}", body)


def recorded(cluster: str) -> dict[str, Any] | None:
    """What came of the last backup. Raises ApiError."""
    status, text = Api.from_env(cluster).exchange("GET", f"/v1/var/{STATUS}")
    if status == 404:
        return None
    if status != 200:
        raise ApiError(status, text.strip())
    found: dict[str, Any] = json.loads(json.loads(text)["Items"]["status"])
    return found
