# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a running Nomad cluster. https://developer.hashicorp.com/nomad/api-docs/agent#list-members"""

from __future__ import annotations

from typing import Any

from ..cluster.members import canonical
from ..cluster.parts import MANAGER, NODE
from ..cluster.raft import host_of
from . import enrolled
from .api import Api
from .nodes import mark


def members(api: Api) -> list[dict[str, Any]]:
    """Return servers and nodes as {name, address, part, id, status, enrolled, version, leader, mark}; raise ApiError when nobody answers.

    C(id) is the id of a node, and of a server the one of its raft peer. C(enrolled) is a host node that joined by itself, as the
    managers have it written down; no inventory needs to know it. C(mark) is for what it was drained by us.
    """
    let_in = enrolled.places(api)
    leader = host_of(api.get("/v1/status/leader") or "")
    servers = [
        {
            "name": m["Name"].removesuffix(f".{m['Tags']['region']}"),
            "address": canonical(m["Addr"]),
            "part": MANAGER,
            "id": m["Tags"].get("id", ""),
            "status": m["Status"],
            "enrolled": False,
            "version": m["Tags"].get("build", ""),
            "leader": canonical(m["Addr"]) == leader,
            "mark": "",
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
            "enrolled": enrolled.place(n["Name"], n["Address"]) in let_in,
            "version": n.get("Version", ""),
            "leader": False,
            "mark": mark(n),
        }
        for n in api.get("/v1/nodes")
    ]
    return servers + nodes
