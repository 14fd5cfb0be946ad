# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a play as lists that modules take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def cluster_members(hosts: list[str], hostvars: Mapping[str, Any]) -> list[dict[str, str]]:
    """One dictionary a host: its name, address and, for a host node, its pool."""
    return [
        {
            "name": host,
            "address": hostvars[host]["cluster_address"],
            "pool": hostvars[host].get("cluster_pool") or "",
        }
        for host in hosts
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"cluster_members": cluster_members}
