# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a running Kubernetes cluster."""

from __future__ import annotations

from typing import Any

from ..cluster.members import canonical
from ..cluster.parts import MANAGER, NODE
from . import requests
from .api import Api
from .view import list_nodes


def members(api: Api, leader: str = "") -> list[dict[str, Any]]:
    """Return managers and nodes as {name, address, part, id, status, enrolled, version, mark, leader}; raise ApiError when the API does not answer.

    C(enrolled) is a host node that joined by itself, under this name and address, which no inventory needs to know; C(leader)
    is the address of the manager whose etcd leads.
    """
    enrolled = {name: canonical(address) for name, address in requests.let_in(api).items()}
    result = []
    for node in list_nodes(api):
        # One that has not registered yet is where it was let in from.
        address = node.address or enrolled.get(node.name, "")
        result.append(
            {
                "name": node.name,
                "address": address,
                "part": MANAGER if node.manager else NODE,
                "id": node.number,
                "status": "down" if node.trouble else "ready",
                "enrolled": not node.manager and enrolled.get(node.name) == address,
                "version": node.version.removeprefix("v"),
                "mark": node.mark,
                "leader": node.manager and bool(leader) and address == leader,
            }
        )
    return result
