# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members the running cluster knows and the inventory does not."""

from __future__ import annotations

from typing import Any

from .model import Cluster


def orphans(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the orphans as {name, address, part, id, status}, as the first manager that answered knows them.

    A member is matched by its address, which the inventory fixes; names are free text. Hosts that joined by themselves, with
    a join token, are none.
    """
    known = {host.address for host in cluster.hosts}
    for _host, facts in cluster.seen():
        if facts.get("members") is not None:
            unauthorized_sockets = [dict(member) for member in facts["members"] if member["address"] not in known]
            return [member for member in unauthorized_sockets if not member.get("enrolled")]
    return []
