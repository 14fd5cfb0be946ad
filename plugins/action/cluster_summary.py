# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell at the end of a run what was made and how to use it. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils.report.summary import run_seconds, summary


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Show the summary and return it."""
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec({"done": {"type": "str", "required": True}})
        hostvars, cluster = task_vars["hostvars"], task_vars["cluster_name"]
        hosts = {name: hostvars[name] for name in hostvars if hostvars[name].get("cluster_name") == cluster}
        done = f"would be {arguments['done']}" if self._task.check_mode else arguments["done"]
        text = summary(hosts, done, run_seconds(), {})
        Display().display(text)
        return {**result, "changed": False, "summary": text}
