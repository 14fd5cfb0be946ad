# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop this manager, see that the cluster answers, and bring it back, in the engine's own way."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER

QUORUM_OF_TWO = 3  # the least number of managers of which one may be missing


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def modules(self) -> list[str]:
        """Return the engine's module."""
        return [self.engine.manager_outage_module]

    def acts(self) -> bool:
        """Only managers are stopped, and only where enough others answer."""
        known = self.engine.manager_outage_module
        enough = len(self.members(MANAGER)) >= QUORUM_OF_TWO
        return bool(known and enough and self.vars["cluster_part"] == MANAGER)

    def parameters(self) -> dict[str, Any]:
        """Return which manager of which cluster this is, and what is killed."""
        where = {"cluster": self.vars["cluster_name"], "address": str(self.vars["cluster_address"])}
        return {**where, "scope": self.outage_scope}
