# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the cluster as each manager sees it, and the whole of it through one of them, in the engine's own way."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER, NODE


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def modules(self) -> list[str]:
        """Return the modules of the host's components."""
        return [found.checks_module for found in components.of(self.vars) if found.checks_module]

    def acts(self) -> bool:
        """Only managers can be asked."""
        return bool(self.vars["cluster_part"] == MANAGER)

    def parameters(self) -> dict[str, Any]:
        """Return the members that the inventory knows, whether they answer or not."""
        known = self.hostvars
        managers = {host: str(known[host]["cluster_address"]) for host in self.members(MANAGER, live=False)}
        nodes = [
            {"name": host, "address": str(known[host]["cluster_address"]), "pool": str(known[host]["cluster_pool"])}
            for host in self.members(NODE, live=False)
        ]
        whole = self.host == self.acting_manager()
        return {"cluster": self.vars["cluster_name"], "managers": managers, "nodes": nodes, "whole": whole}
