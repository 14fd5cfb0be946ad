# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try the cluster with the sample application, on one manager, in the engine's own way."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.sample_app import METADATA
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def modules(self) -> list[str]:
        """Return the engine's module."""
        return [self.engine.sample_module]

    def acts(self) -> bool:
        """One manager does it; nothing has moved where nothing was killed."""
        moved = self._task.args.get("state") == "moved"
        return self.host == self.acting_manager() and not (
            moved and not self.from_acting_manager("verify_sample").get("outage_host")
        )

    def parameters(self) -> dict[str, Any]:
        """Return the cluster, and the host node that was killed where that matters."""
        given = {"cluster": self.vars["cluster_name"]}
        if self._task.args.get("state", "present") == "present":
            given["closed"] = list(METADATA)
        if self._task.args.get("state") == "moved":
            given["outage_host"] = self.from_acting_manager("verify_sample").get("outage_host")
        return given
