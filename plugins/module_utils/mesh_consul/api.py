# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Consul's API: of a server, for use on a manager, and of the agent of a host node."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from ..cluster.agent_api import AgentApi
from ..cluster.remote import ApiError
from ..mesh.admin import Socket
from . import known

__all__ = ["Api", "ApiError", "agent"]


@dataclass(frozen=True)
class Api(AgentApi):
    """See the base."""

    ACCESS_FILE: ClassVar[str] = "/etc/keelson/{cluster}/consul.json"
    TOKEN_HEADER: ClassVar[str] = "X-Consul-Token"  # noqa: S105 (a name)
    RPC: ClassVar[int] = known.RPC
    TRANSFER: ClassVar[str] = "/v1/operator/raft/transfer-leader"


def agent(path: str, token: str = "") -> tuple[int, Any]:
    """Status and answer of this host's agent, which listens on a socket for root alone. Raises ApiError when there is none."""
    link = Socket(known.SOCKET)
    try:
        link.request("GET", path, headers={Api.TOKEN_HEADER: token} if token else {})
        reply = link.getresponse()
        text = reply.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise ApiError(0, f"the agent of this host does not answer ({error})") from error
    finally:
        link.close()
    try:
        return reply.status, json.loads(text)
    except ValueError:
        return reply.status, text
