# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The knocks each kind of endpoint must withstand. Standard library only."""

from __future__ import annotations

from typing import Any, Callable

from ..nomad.probes import gossip_refused, rpc_endpoint
from . import tls
from .model import Check, Verdict, answer

_CURE = "run the install playbook; look for a hand-made change of the agent's TLS, ACL or encrypt settings"


def _questions(
    target: dict[str, Any], member: tls.Identity, stranger: tls.Identity, guarded: list[str]
) -> list[tuple[str, str, Callable[[], Verdict]]]:
    address, port, probe = target["address"], int(target["port"]), target["probe"]
    if probe == "gossip":
        return [("gossip", "Gossip needs the cluster's key", lambda: gossip_refused(address, port))]
    if probe == "nomad_rpc":
        endpoint = rpc_endpoint(address, port)
    elif probe == "https":
        endpoint = tls.Endpoint(address, port, tls.http_request("/", address))
    else:
        raise ValueError(f"unknown probe {probe!r}")
    found: list[tuple[str, str, Callable[[], Verdict]]] = [
        ("plaintext", "Plaintext is refused", lambda: tls.refused(endpoint, None)),
        (
            "no_certificate",
            "A client without a certificate is refused",
            lambda: tls.refused(endpoint, tls.context(tls.Identity())),
        ),
        (
            "foreign_certificate",
            "A certificate of another CA is refused",
            lambda: tls.refused(endpoint, tls.context(stranger)),
        ),
        ("old_tls", "TLS older than 1.2 is refused", lambda: tls.old_tls_refused(endpoint, member)),
    ]
    if probe == "https" and guarded:
        found.append(
            (
                "no_token",
                "The API needs a token even from a member",
                lambda: tls.token_required(endpoint, member, guarded),
            )
        )
    return found


def knock(target: dict[str, Any], member: tls.Identity, stranger: tls.Identity, guarded: list[str]) -> list[Check]:
    """Return the checks of one endpoint {host, address, port, probe}."""
    name = f"{target['host']} {target['address']}:{target['port']}"
    questions = _questions(target, member, stranger, guarded)
    return [answer(kind, title, name, _CURE, question) for kind, title, question in questions]
