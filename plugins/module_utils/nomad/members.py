# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a running Nomad cluster. https://developer.hashicorp.com/nomad/api-docs/agent#list-members"""

from __future__ import annotations

import urllib.parse
from typing import Any

from ..cluster.members import canonical
from ..cluster.parts import MANAGER, NODE
from .api import Api

#: What a host node says of itself that joined with a join token.
ADMITTED = "keelson_enrolled"


def members(api: Api) -> list[dict[str, Any]]:
    """Return servers and nodes as {name, address, part, id, status, enrolled}; raise ApiError when nobody answers.

    C(id) is the id of a node, and of a server the one of its raft peer. C(enrolled) is a host node that joined by itself, which no inventory needs to know.
    """
    chosen = urllib.parse.quote(f'"{ADMITTED}" in Meta')
    enrolled = {n["ID"] for n in api.get(f"/v1/nodes?filter={chosen}")}
    servers = [
        {
            "name": m["Name"].removesuffix(f".{m['Tags']['region']}"),
            "address": canonical(m["Addr"]),
            "part": MANAGER,
            "id": m["Tags"].get("id", ""),
            "status": m["Status"],
            "enrolled": False,
        }
        for m in api.get("/v1/agent/members")["Members"]
        if m["Status"] != "left"
    ]
    nodes = [
        {
            "name": n["Name"],
            "address": canonical(n["Address"]),
            "part": NODE,
            "id": n["ID"],
            "status": n["Status"],
            "enrolled": n["ID"] in enrolled,
        }
        for n in api.get("/v1/nodes")
    ]
    return servers + nodes
