# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes each kind of endpoint must withstand. Standard library only."""

from __future__ import annotations

import socket
from typing import Any, Callable

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


def unanswered(address: str, port: int, request: bytes, refusals: bytes, wait: float = 0.7) -> Verdict:
    """Judge that a plain request gets no answer, or one that begins with a byte of `refusals`, by TCP and by UDP in `wait` seconds."""
    with tls.connection(tls.Endpoint(address, port, b"")) as link:
        link.sendall(request)
        try:
            data = link.recv(1024)
        except ConnectionError:
            data = b""
    if data and data[0] not in refusals:
        return Verdict(False, f"a gossip ping without the key was answered by TCP ({len(data)} bytes)")
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(wait)
        link.connect((address, port))
        link.send(request)
        try:
            data = link.recv(1024)
        except socket.timeout:
            return Verdict(True, "no answer to a ping without the key, by TCP and UDP")
    return Verdict(False, f"a gossip ping without the key was answered by UDP ({len(data)} bytes)")


def _questions(target: dict[str, Any], member: tls.Identity, unauthorized: tls.Identity) -> Questions:
    address, port, probe = target["address"], int(target["port"]), target["probe"]
    kind, guarded = probe["kind"], probe.get("guarded", [])
    preface, request, refusals = (bytes.fromhex(probe.get(name, "")) for name in ("preface", "request", "refusals"))
    https = tls.Endpoint(address, port, tls.http_request("/", address))
    if kind == "https":
        return _closed(https, member, unauthorized, guarded)
    if kind == "https_members":
        return _closed(https, member, unauthorized, [])
    if kind == "https_login":
        return _login(https, member, unauthorized, guarded)
    if kind == "tls":
        return _closed(tls.Endpoint(address, port, request, preface), member, unauthorized, [])
    if kind == "gossip":
        title = "Gossip needs the cluster's key"
        return [("gossip", title, lambda: unanswered(address, port, request, refusals))]
    raise ValueError(f"unknown probe {kind!r}")


def probe(target: dict[str, Any], member: tls.Identity, unauthorized: tls.Identity) -> list[Check]:
    """Return the checks of one endpoint {host, address, port, probe}; of one that is optional and not there, none."""
    if target.get("optional"):
        try:
            with tls.connection(tls.Endpoint(target["address"], target["port"], b"")):
                pass
        except tls.Unreachable:
            return []
    name = f"{target['host']} {target['address']}:{target['port']}"
    questions = _questions(target, member, unauthorized)
    return [answer(kind, title, name, _REMEDY, question) for kind, title, question in questions]
