# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What letting a new host node into a Nomad cluster takes: join tokens in its variables, and an introduction. Standard library only.

https://developer.hashicorp.com/nomad/api-docs/variables/variables
https://developer.hashicorp.com/nomad/api-docs/acl/client-introduction-token
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from ..admission.tokens import Denied, Token, dump, over, parse
from .api import Api, ApiError

FOLDER = "keelson/join"
STATE = "/var/lib/nomad/client"  # where an agent looks for its introduction
TRIES = 10
#: Names a host node's certificate must have besides its own: Nomad checks the first, verify_server_hostname or not.
NAMES = ("client.global.nomad", "localhost", "127.0.0.1")
PORT = 4646


@dataclass(frozen=True)
class Desk:
    """One cluster's join tokens. The managers share them by raft, so a token is used up on all of them at once."""

    api: Api

    @classmethod
    def open(cls, cluster: str) -> Desk:
        """The desk of this manager. Raises ApiError when the manager knows no such cluster."""
        return cls(Api.from_env(cluster))

    def read(self, number: str) -> tuple[Token | None, int]:
        """A token and its version, which write takes. Raises ApiError."""
        status, text = self.api.exchange("GET", f"/v1/var/{FOLDER}/{number}")
        if status == 404:
            return None, 0
        if status != 200:
            raise ApiError(status, text.strip())
        found = json.loads(text)
        return parse(found["Items"]["token"]), int(found["ModifyIndex"])

    def write(self, token: Token, version: int = 0) -> bool:
        """Keep a token unless somebody else has changed it since C(version); tells whether it is kept. Raises ApiError."""
        path = f"{FOLDER}/{token.number}"
        body = {"Namespace": "default", "Path": path, "Items": {"token": dump(token)}}
        status, text = self.api.exchange("PUT", f"/v1/var/{path}?cas={version}", body)
        if status not in (200, 409):
            raise ApiError(status, text.strip())
        return status == 200

    def change(self, number: str, step: Any) -> Token:
        """Replace a token by what C(step) makes of it, after whatever others do at the same time. Raises ApiError, Denied."""
        for _try in range(TRIES):
            token, version = self.read(number)
            after: Token = step(token)
            if after == token or self.write(after, version):
                return after
            time.sleep(0.1)
        raise Denied(503, "too many hosts ask at the same time; ask again")

    def tokens(self) -> list[Token]:
        """All tokens, the ended ones too. Raises ApiError."""
        listed = self.api.get(f"/v1/vars?prefix={FOLDER}/") or []
        found = (self.read(entry["Path"].rpartition("/")[2])[0] for entry in listed)
        return [token for token in found if token is not None]

    def revoke(self, number: str) -> bool:
        """Forget a token; tells whether there was one. Raises ApiError."""
        if self.read(number)[0] is None:
            return False
        self.api.delete(f"/v1/var/{FOLDER}/{number}")
        return True

    def sweep(self, now: float) -> list[str]:
        """Forget the tokens that ended long ago; returns their numbers. Raises ApiError."""
        gone = [token.number for token in self.tokens() if over(token, now)]
        for number in gone:
            self.revoke(number)
        return gone

    def holder(self, name: str) -> str:
        """The address of the live member that has this name, or ''. Raises ApiError."""
        return next(
            (n["Address"] for n in self.api.get("/v1/nodes") if n["Name"] == name and n["Status"] == "ready"), ""
        )

    def introduce(self, name: str, pool: str) -> list[dict[str, Any]]:
        """The files that introduce one host to the managers, in the form of host_files. Raises ApiError."""
        body = {"NodeName": name, "NodePool": pool}
        introduction = self.api.post("/v1/acl/identity/client-introduction-token", body)["JWT"]
        return [
            {"path": STATE, "state": "directory", "mode": "0700"},
            {"path": f"{STATE}/intro_token.jwt", "content": introduction, "mode": "0600", "secret": True},
        ]
