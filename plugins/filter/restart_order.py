# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which managers are restarted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import canonical


def restart_order(hosts: list[str], hostvars: Mapping[str, Any], leader: str, register: str) -> list[str]:
    """The hosts whose units run on old files, the one at the address C(leader) last."""
    stale = [host for host in hosts if (hostvars[host].get(register) or {}).get("stale")]
    return sorted(stale, key=lambda host: canonical(hostvars[host]["cluster_address"]) == canonical(leader))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"restart_order": restart_order}
