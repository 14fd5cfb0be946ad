# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill the host node that runs most of the sample application, or bring it back, in the engine's own way."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import canonical
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import NODE


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def modules(self) -> list[str]:
        """Return the module of the same name."""
        return ["keelson.cluster.cluster_outage"]

    def acts(self) -> bool:
        """Only the outage host is killed; every host node is brought back, whoever killed it."""
        if self._task.args.get("state") == "up":
            return bool(self.vars["cluster_part"] == NODE)
        outage_host = self.from_acting_manager("verify_sample").get("outage_host") or {}
        return canonical(outage_host.get("address", "")) == canonical(self.vars["cluster_address"])

    def parameters(self) -> dict[str, Any]:
        """Return what is killed."""
        return {"scope": self.outage_scope}
