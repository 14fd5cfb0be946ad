# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for what stands in the way of an upgrade, in the engine's own way. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import components


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the engine's module, where it has one."""
        known = task_vars or {}
        result: dict[str, Any] = super().run(tmp, known)
        module = components.engine(str(known.get("cluster_engine", ""))).upgrade_checks_module
        if not module:
            return {**result, "changed": False, "faults": []}
        arguments = {"cluster": known["cluster_name"], **self._task.args}
        return {**result, **self._execute_module(module, arguments, task_vars=known)}
