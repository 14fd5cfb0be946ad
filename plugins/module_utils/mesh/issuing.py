# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the issuers of all providers of the mesh share: a service on managers that answers the hosts of the cluster alone.

A host shows its certificate of the cluster; which identities it may have stands in a file that the playbooks write. Standard
library only.
"""

from __future__ import annotations

import http.server
import ssl
import subprocess
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from ..cluster.secret_store import StoreError
from ..enrollment.service import LARGEST, Answering, Server, canonical, names_of, read_json
from ..enrollment.tokens import Denied


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

    @property
    def unit(self) -> str:
        """The unit that it runs in."""

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
                text = f"this manager cannot sign now; its journal of {issuer.unit} says why"
                self.reply(503, {"error": text}, f"{peer}: cannot sign: {error}")
            else:
                issued = answer[issuer.issues]
                self.reply(200, answer, f"{peer}: signed {', '.join(issued)}" if issued else "")

    return Handler


class MutualServer(Server):
    """Speaks with hosts of the cluster alone: a certificate of its CA is needed before a byte is read."""

    clients = ssl.CERT_REQUIRED
