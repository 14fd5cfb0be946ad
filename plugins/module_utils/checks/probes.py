# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes each kind of endpoint must withstand. Standard library only."""

from __future__ import annotations

from typing import Any, Callable

from ..nomad.probes import gossip_refused, rpc_endpoint
from . import tls
from .model import Check, Verdict, answer

_REMEDY = "run the install playbook; look for a hand-made change of how the service asks for certificates and tokens"


Questions = list[tuple[str, str, Callable[[], Verdict]]]


def _common(endpoint: tls.Endpoint, member: tls.Identity) -> Questions:
    return [
        ("plaintext", "Plaintext is refused", lambda: tls.refused(endpoint, None)),
        ("old_tls", "TLS older than 1.2 is refused", lambda: tls.old_tls_refused(endpoint, member)),
    ]


def _closed(endpoint: tls.Endpoint, member: tls.Identity, unauthorized: tls.Identity, guarded: list[str]) -> Questions:
    """An endpoint that speaks only with clients whose certificate it knows; where it speaks HTTP, paths are guarded."""
    found: Questions = [
        *_common(endpoint, member),
        (
            "no_certificate",
            "A client without a certificate is refused",
            lambda: tls.refused(endpoint, tls.context(tls.Identity())),
        ),
        (
            "foreign_certificate",
            "A certificate of another CA is refused",
            lambda: tls.refused(endpoint, tls.context(unauthorized)),
        ),
    ]
    if guarded:
        title = "The API needs a token even from a member"
        found.append(("no_token", title, lambda: tls.token_required(endpoint, member, guarded)))
    return found


def _login(endpoint: tls.Endpoint, member: tls.Identity, unauthorized: tls.Identity, guarded: list[str]) -> Questions:
    """An endpoint that speaks with anybody, but tells nothing to unauthorized clients, and little to a host's certificate."""
    nobody = tls.Identity(ca=member.ca)
    return [
        *_common(endpoint, member),
        (
            "no_certificate",
            "A client without a certificate is told nothing",
            lambda: tls.token_required(endpoint, nobody, guarded),
        ),
        (
            "foreign_certificate",
            "A certificate of another CA opens nothing",
            lambda: tls.untrusted(endpoint, unauthorized, guarded),
        ),
        (
            "no_token",
            "A host's certificate opens nothing beyond what hosts need",
            lambda: tls.token_required(endpoint, member, guarded),
        ),
    ]


def _questions(
    target: dict[str, Any], member: tls.Identity, unauthorized: tls.Identity, guarded: list[str]
) -> Questions:
    address, port, probe = target["address"], int(target["port"]), target["probe"]
    https = tls.Endpoint(address, port, tls.http_request("/", address))
    if probe == "https":
        return _closed(https, member, unauthorized, guarded)
    if probe == "https_members":
        return _closed(https, member, unauthorized, [])
    if probe == "https_login":
        return _login(https, member, unauthorized, guarded)
    if probe == "nomad_rpc":
        return _closed(rpc_endpoint(address, port), member, unauthorized, [])
    if probe == "gossip":
        return [("gossip", "Gossip needs the cluster's key", lambda: gossip_refused(address, port))]
    raise ValueError(f"unknown probe {probe!r}")


def probe(target: dict[str, Any], member: tls.Identity, unauthorized: tls.Identity, guarded: list[str]) -> list[Check]:
    """Return the checks of one endpoint {host, address, port, probe}; its own `guarded` paths go before the API's."""
    name = f"{target['host']} {target['address']}:{target['port']}"
    questions = _questions(target, member, unauthorized, target.get("guarded") or guarded)
    return [answer(kind, title, name, _REMEDY, question) for kind, title, question in questions]
