# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell at the end of a run what was made and how to use it. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.report.summary import run_seconds, summary


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {"done": {"type": "str", "required": True}}

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Show the summary and return it."""
        hostvars, cluster = task_vars["hostvars"], task_vars["cluster_name"]
        hosts = {name: hostvars[name] for name in hostvars if hostvars[name].get("cluster_name") == cluster}
        done = f"would be {options['done']}" if self._task.check_mode else options["done"]
        text = summary(hosts, done, run_seconds(), {})
        Display().display(text)
        return {"summary": text}
