# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop this manager, see that the cluster answers, and bring it back, in the engine's own way."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction

QUORUM_OF_TWO = 3  # the least number of managers of which one may be missing


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def module(self, profile: components.Profile) -> str:
        """Return the name of the engine's module."""
        return profile.manager_outage_module

    def turn(self) -> bool:
        """Only managers are stopped, and only where enough others answer."""
        known = components.load(str(self.vars["cluster_engine"])).manager_outage_module
        enough = len(self.members(components.MANAGER)) >= QUORUM_OF_TWO
        return bool(known and enough and self.vars["cluster_part"] == components.MANAGER)

    def parameters(self, profile: components.Profile) -> dict[str, Any]:
        """Return which manager of which cluster this is."""
        return {"cluster": self.vars["cluster_name"], "address": str(self.vars["cluster_address"])}
