# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the instances of the running sample application from any host."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def modules(self) -> list[str]:
        """Return the modules to run."""
        return ["keelson.cluster.app_checks"]

    def acts(self) -> bool:
        """Ask where there is something to ask."""
        return bool(self._task.args.get("instances") or self._instances())

    def _instances(self) -> list[dict[str, Any]]:
        return list(self.from_acting_manager("verify_sample").get("instances") or [])

    def parameters(self) -> dict[str, Any]:
        """Return the instances that the sample application reported."""
        return {"instances": self._instances()}
