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
from ..cluster.rotation import accepted
from ..cluster.secret_store import StoreError, read_current
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
                if member["name"].lower() == name and (member["status"] == "ready" or not member["enrolled"])
            ),
            "",
        )

    def sweep(self, now: float) -> list[str]:
        """Forget ended tokens, and hosts that were let in and are known no more. Raises ApiError."""
        forget_absent(self.api, now)
        return super().sweep(now)

    def enroll(self, joining_host: JoiningHost, pool: str) -> dict[str, Any]:
        """The agent's files, a certificate for exactly this name and address, and an introduction. Raises ApiError, Denied, OSError."""
        found = self.description(pool, joining_host)
        secrets = self.secrets()
        seconds = int(found["certificate_days"]) * 86400
        signed = signed_for(joining_host.address, joining_host.request, seconds, secrets)
        own = [
            {"path": found["certificate"], "content": signed, "mode": "0644"},
            {"path": found["ca"], "content": "".join(accepted(secrets, "ca_certificate")), "mode": "0644"},
        ]
        record(self.api, joining_host.name, joining_host.address)
        token = introduction.issue(self.api, joining_host.name, pool)
        return {
            "files": [*found["files"], *own, *introduction.files(token)],
            "units": found["units"],
            "key": found["key"],
        }

    def renew(self, address: str, names: set[str], request: str, seconds: float) -> str:
        """The same names for another key, as long again, while the host is a node. Raises ApiError, Denied, OSError."""
        self.check_node(address, names)
        return signed_for(address, request, seconds, self.secrets())

    def trusted(self, address: str, names: set[str]) -> str:
        """The CA certificates that the cluster accepts, first the one that signs, for a host that is a node. Raises ApiError, Denied, OSError."""
        self.check_node(address, names)
        return "".join(accepted(self.secrets(), "ca_certificate"))

    def check_node(self, address: str, names: set[str]) -> None:
        """Raise Denied unless the host is a node."""
        if ROLE not in names or address not in {canonical(node["Address"]) for node in self.api.get("/v1/nodes")}:
            raise Denied(403, f"the cluster has no host node at {address}; join it by the install playbook")

    def secrets(self) -> dict[str, Any]:
        """The cluster's newest secrets. Raises OSError."""
        try:
            return read_current(self.cluster).payload
        except StoreError as error:
            raise OSError(str(error)) from error

    def settle(self, joining_host: JoiningHost) -> str:
        """Nothing is left to do, but a host has joined only when it takes work. Raises ApiError."""
        alive = {(n["Name"], canonical(n["Address"])) for n in self.api.get("/v1/nodes") if n["Status"] == "ready"}
        ready = (joining_host.name, joining_host.address) in alive
        return "" if ready else f"the managers do not see {joining_host.name} as a ready host node yet"


def signed_for(address: str, request: str, seconds: float, secrets: dict[str, Any]) -> str:
    """The certificate of the host node at an address. Raises OSError."""
    ca, key = secrets["ca_certificate"], secrets["ca_key"]
    return certificate.sign(request, ca, key, f"/CN={ROLE}", [*NAMES, address], seconds)


if __name__ == "__main__":
    service.main(EnrollmentService, *sys.argv[1:])
