# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the state of Consul is saved: a snapshot of raft. Standard library only.

https://developer.hashicorp.com/consul/api-docs/snapshot
"""

from __future__ import annotations

import os
import shutil

from .api import Api, ApiError

SNAPSHOT = "consul.snap"
PATIENCE = 600.0


def save(cluster: str, folder: str) -> None:
    """Write a snapshot into a folder; Consul checks it itself when it reads it. Raises ApiError, OSError."""
    api = Api.from_env(cluster, PATIENCE)
    with api.answered("GET", "/v1/snapshot") as answer, open(os.path.join(folder, SNAPSHOT), "wb") as file:
        if answer.status != 200:
            raise ApiError(answer.status, answer.read().decode("utf-8", "replace").strip())
        shutil.copyfileobj(answer, file)


def load(cluster: str, folder: str) -> None:
    """Put the servers on the state of a snapshot. Raises ApiError, OSError."""
    api = Api.from_env(cluster, PATIENCE)
    with open(os.path.join(folder, SNAPSHOT), "rb") as file, api.answered("PUT", "/v1/snapshot", file) as answer:
        if answer.status != 200:
            raise ApiError(answer.status, answer.read().decode("utf-8", "replace").strip())
