# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions share that run the module which a cluster's engine has for the same purpose."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from . import components


class EngineAction(ActionBase):  # type: ignore[misc]
    """Hand the task's arguments to the module that the engine names in its field `MODULE` (see `contract.Engine`)."""

    TRANSFERS_FILES = False
    MODULE = ""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module of the engine."""
        known = task_vars or {}
        result: dict[str, Any] = super().run(tmp, known)
        module = getattr(components.engine(str(known["cluster_engine"])), self.MODULE)
        return {**result, **self._execute_module(module, self._task.args, task_vars=known)}
