# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Nomad's API, for use on a manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..cluster.agent_api import AgentApi
from ..cluster.remote import ApiError, bracketed
from . import ports

__all__ = ["Api", "ApiError"]


@dataclass(frozen=True)
class Api(AgentApi):
    """See the base."""

    ACCESS_FILE: ClassVar[str] = "/etc/keelson/{cluster}/nomad.json"
    TOKEN_HEADER: ClassVar[str] = "X-Nomad-Token"  # noqa: S105 (a name)
    RPC: ClassVar[int] = ports.RPC
    TRANSFER: ClassVar[str] = "/v1/operator/raft/transfer-leadership"

    def environment(self) -> dict[str, str]:
        """The variables by which the program nomad reaches the same API with the same rights."""
        return {
            "NOMAD_ADDR": f"https://{bracketed(self.host)}:{self.port}",
            "NOMAD_CACERT": self.ca_file,
            "NOMAD_CLIENT_CERT": self.cert_file,
            "NOMAD_CLIENT_KEY": self.key_file,
            "NOMAD_TOKEN": self.token,
        }
