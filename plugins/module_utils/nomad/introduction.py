# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What introduces a host node to Nomad's managers, which may ask for it when they see one for the first time.

Standard library only. https://developer.hashicorp.com/nomad/api-docs/acl/client-introduction-token
"""

from __future__ import annotations

from typing import Any

from .api import Api, ApiError
from .nodes import find_node, list_nodes, unconnected

STATE = "/var/lib/nomad/client"
PATH = f"{STATE}/intro_token.jwt"  # where an agent looks for it when it starts; its unit deletes it then
SECONDS = 1800  # the most that servers grant by default
KNOWN = ("ready", "initializing")  # of a node that has registered and is alive


def issue(api: Api, name: str, pool: str) -> str:
    """A token that introduces one host into one pool; it is signed, and kept nowhere. Raises ApiError.

    '' of managers before Nomad 1.11, which let in whoever has a certificate.
    """
    body = {"NodeName": name, "NodePool": pool, "TTL": SECONDS * 10**9}
    try:
        return str(api.post("/v1/acl/identity/client-introduction-token", body)["JWT"])
    except ApiError as error:
        if error.status != 404:
            raise
        return ""


def files(token: str) -> list[dict[str, Any]]:
    """The files of an introduction on the host, in the form of host_files; none without a token."""
    if not token:
        return []
    return [
        {"path": STATE, "state": "directory", "mode": "0700"},
        {"path": PATH, "content": token, "mode": "0600", "secret": True},
    ]


def unknown(api: Api, nodes: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those of C(nodes), each with C(name), C(address) and C(pool), that the managers do not see as live. Raises ApiError.

    A server that was made anew has the name and the address of an agent that managers take for ready until they miss it, which
    is minutes after an election: so its agent must be connected too.
    """
    known = [node for node in list_nodes(api) if node.status in KNOWN]
    found = ((node, find_node(known, node["name"], node["address"])) for node in nodes)
    return [node for node, entry in found if entry is None or unconnected(api, entry)]
