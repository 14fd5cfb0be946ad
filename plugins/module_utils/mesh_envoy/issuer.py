# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer of the mesh on a manager: it signs leaf certificates for the sidecars of the cluster's hosts. Standard library only.

A host shows its certificate of the cluster; which identities it may have stands in a file that the playbooks write. The
authority is the cluster's newest generation of secrets, so a new one is used at once.

usage: python3 -m utils.mesh_envoy.issuer CLUSTER ADDRESS CA CERTIFICATE KEY
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..cluster.secret_store import read_current
from ..enrollment.certificate import key_digest
from ..enrollment.service import notify
from ..mesh.issuing import MutualServer, handler, requested
from . import known, leaf

COMPONENT = "mesh_envoy"


@dataclass(frozen=True)
class Issuer:
    """Answers hosts of one cluster."""

    cluster: str
    issues: str = "leaves"
    unit: str = "keelson-mesh-issuer"

    def answer(self, asked: Any, names: Iterable[str], peer: str) -> dict[str, Any]:
        """Sign what a host asks for: C(requests) by SPIFFE ID. Raises Denied, OSError, StoreError.

        Without requests it tells the trust and which authority signs, so that a host knows when to ask for new leaves.
        """
        known = self.known()
        requests = requested(asked, known, list(names), peer)
        authority = self.authority()
        for request in requests.values():
            key_digest(request)
        chain = authority["intermediate"]
        leaves = {
            identity: leaf.sign(request, identity, chain, authority["intermediate_key"], known["leaf_minutes"]) + chain
            for identity, request in requests.items()
        }
        issuer = hashlib.sha256(chain.encode()).hexdigest()
        return {"leaves": leaves, "trust": "".join(authority["roots"]), "issuer": issuer}

    def known(self) -> dict[str, Any]:
        """What the playbooks wrote of the hosts. Raises OSError."""
        with open(known.ISSUED.format(cluster=self.cluster), encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
        return found

    def authority(self) -> dict[str, Any]:
        """The authority of the mesh. Raises OSError, StoreError."""
        payload = read_current(self.cluster).payload
        if COMPONENT not in payload:
            raise OSError("this manager has no authority of the mesh; run the install playbook")
        found: dict[str, Any] = payload[COMPONENT]
        return found


def main(cluster: str, address: str, ca: str, certificate: str, key: str) -> None:
    """Serve until stopped."""
    server = MutualServer((address, known.ISSUER), handler(Issuer(cluster)), ca, certificate, key)
    notify("READY=1")
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
