# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What letting a new host node into a Nomad cluster takes: join tokens in its variables, a certificate, an introduction.

Standard library only. The program of the enrollment service: see enrollment/service.py.
https://developer.hashicorp.com/nomad/api-docs/variables/variables
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ..cluster.members import canonical
from ..cluster.secret_store import read_newest
from ..enrollment import certificate, manager, service
from ..enrollment.manager import JoiningHost
from ..enrollment.tokens import Denied, Token, dump, parse
from . import introduction
from .api import Api, ApiError
from .enrolled import forget_absent, record
from .members import members

FOLDER = "keelson/join"
ROLE = "client.global.nomad"  # Nomad checks it, verify_server_hostname or not
#: What a host node's certificate has besides its address; names that others choose would give rights.
NAMES = (ROLE, "localhost", "127.0.0.1")


class EnrollmentService(manager.EnrollmentService):
    """The managers share the tokens by raft, so one is used up on all of them at once."""

    api: Api
    connect = staticmethod(Api.from_env)

    @property
    def ca_file(self) -> str:
        """Where the CA certificate lies by which new hosts know the managers."""
        return self.api.ca_file

    def read(self, number: str) -> tuple[Token | None, str]:
        """A token and its version, which write takes. Raises ApiError."""
        status, text = self.api.exchange("GET", f"/v1/var/{FOLDER}/{number}")
        if status == 404:
            return None, ""
        if status != 200:
            raise ApiError(status, text.strip())
        found = json.loads(text)
        return parse(found["Items"]["token"]), str(found["ModifyIndex"])

    def write(self, token: Token, version: str = "") -> bool:
        """Keep a token unless somebody else has changed it since C(version); tells whether it is kept. Raises ApiError."""
        path = f"{FOLDER}/{token.number}"
        body = {"Namespace": "default", "Path": path, "Items": {"token": dump(token)}}
        status, text = self.api.exchange("PUT", f"/v1/var/{path}?cas={version or 0}", body)
        if status not in (200, 409):
            raise ApiError(status, text.strip())
        return status == 200

    def numbers(self) -> list[str]:
        """The numbers of all tokens. Raises ApiError."""
        return [entry["Path"].rpartition("/")[2] for entry in self.api.get(f"/v1/vars?prefix={FOLDER}/") or []]

    def forget(self, number: str) -> None:
        """Delete a token. Raises ApiError."""
        self.api.delete(f"/v1/var/{FOLDER}/{number}")

    def holder(self, name: str) -> str:
        """The address of the member that has this name, or ''. A host that joined by itself and is dead has none. Raises ApiError."""
        return next(
            (
                member["address"]
                for member in members(self.api)
                if member["name"] == name and (member["status"] == "ready" or not member["enrolled"])
            ),
            "",
        )

    def sweep(self, now: float) -> list[str]:
        """Forget ended tokens, and hosts that were let in and are known no more. Raises ApiError."""
        forget_absent(self.api, now)
        return super().sweep(now)

    def introduce(self, joining_host: JoiningHost, pool: str) -> dict[str, Any]:
        """The agent's files, a certificate for exactly this name and address, and an introduction. Raises ApiError, Denied."""
        found = self.description(pool, joining_host)
        generation, _broken = read_newest(self.cluster)
        if generation is None:
            raise Denied(503, "this manager has none of the cluster's secrets; run the install playbook")
        ca, ca_key = generation.payload["ca_certificate"], generation.payload["ca_key"]
        names, seconds = [*NAMES, joining_host.address], int(found["certificate_days"]) * 86400
        signed = certificate.sign(joining_host.request, ca, ca_key, f"/CN={ROLE}", names, seconds)
        own = [
            {"path": found["certificate"], "content": signed, "mode": "0644"},
            {"path": found["ca"], "content": ca, "mode": "0644"},
        ]
        record(self.api, joining_host.name, joining_host.address)
        token = introduction.issue(self.api, joining_host.name, pool)
        return {
            "files": [*found["files"], *own, *introduction.files(token)],
            "units": found["units"],
            "key": found["key"],
        }

    def settle(self, joining_host: JoiningHost) -> str:
        """Nothing is left to do, but a host has joined only when it takes work. Raises ApiError."""
        alive = {(n["Name"], canonical(n["Address"])) for n in self.api.get("/v1/nodes") if n["Status"] == "ready"}
        ready = (joining_host.name, joining_host.address) in alive
        return "" if ready else f"the managers do not see {joining_host.name} as a ready host node yet"


if __name__ == "__main__":
    service.main(EnrollmentService, *sys.argv[1:])
