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
import http.server
import json
import ssl
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..cluster.secret_store import StoreError, read_current
from ..enrollment.certificate import key_digest
from ..enrollment.service import LARGEST, Answering, Server, canonical, names_of, notify, read_json
from ..enrollment.tokens import Denied
from . import known, leaf

COMPONENT = "mesh_envoy"


@dataclass(frozen=True)
class Issuer:
    """Answers hosts of one cluster."""

    cluster: str
    issues: str = "leaves"

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


def requested(asked: Any, known: Mapping[str, Any], names: Collection[str], peer: str) -> dict[str, str]:
    """What a host asks for, by SPIFFE ID: of services that run on it alone. Raises Denied."""
    requests = asked.get("requests") if isinstance(asked, dict) else None
    if not isinstance(requests, dict) or not all(isinstance(text, str) for text in requests.values()):
        raise Denied(400, "the request has no 'requests'; the host runs another version of this collection")
    host = allowed(known, names, peer)
    foreign = sorted(set(requests) - set(host["identities"]))
    if foreign:
        raise Denied(403, f"{host['name']} runs no service with the identity {', '.join(foreign)}")
    return requests


def allowed(known: Mapping[str, Any], names: Collection[str], peer: str) -> dict[str, Any]:
    """The host that asks from its address, by a certificate with its name or with that address. Raises Denied."""
    for name, host in known["hosts"].items():
        address = canonical(host["address"])
        if address == canonical(peer) and not {known["host_subject"] + name, address}.isdisjoint(names):
            return {**host, "name": name}
    raise Denied(403, f"no host of the mesh at {peer} has a certificate for any of {', '.join(sorted(names))}")


class Answers(Protocol):
    """What answers hosts."""

    @property
    def issues(self) -> str:
        """The field of its answers in which is what was issued."""

    def answer(self, asked: Any, names: Iterable[str], peer: str) -> dict[str, Any]:
        """Answer a host. Raises Denied, OSError, StoreError."""


def handler(issuer: Answers) -> type[http.server.BaseHTTPRequestHandler]:
    """The handler of one issuer."""
    place = f"/v1/{issuer.issues}"

    class Handler(Answering):
        """POST to the place of the issuer; everything else is not there."""

        largest = 16 * LARGEST

        def do_POST(self) -> None:
            """Answer one host."""
            peer = self.client_address[0]
            try:
                asked = read_json(self.body(place))
                answer = issuer.answer(asked, names_of(self.connection.getpeercert() or {}), peer)
            except Denied as error:
                self.reply(error.status, {"error": str(error)}, f"{peer}: {error}")
            except (OSError, StoreError, LookupError, TypeError, ValueError, subprocess.SubprocessError) as error:
                text = "this manager cannot sign now; its journal of keelson-mesh-issuer says why"
                self.reply(503, {"error": text}, f"{peer}: cannot sign: {error}")
            else:
                issued = answer[issuer.issues]
                self.reply(200, answer, f"{peer}: signed {', '.join(issued)}" if issued else "")

    return Handler


class MutualServer(Server):
    """Speaks with hosts of the cluster alone: a certificate of its CA is needed before a byte is read."""

    clients = ssl.CERT_REQUIRED


def main(cluster: str, address: str, ca: str, certificate: str, key: str) -> None:
    """Serve until stopped."""
    server = MutualServer((address, known.ISSUER), handler(Issuer(cluster)), ca, certificate, key)
    notify("READY=1")
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
