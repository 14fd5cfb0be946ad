# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the removal of members on the controller. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.removal import RemovalError, plan


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "facts": {"type": "str", "required": True},
        "hosts": {"type": "list", "elements": "str", "required": True},
    }

    FAULTS = (ValueError, RemovalError)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan, warn of what still names the members, and fail when the removal is refused."""
        cluster = read_cluster(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], options["facts"])
        found = plan(cluster, options["hosts"])
        for text in found.warnings:
            Display().warning(text)
        names = [entry["name"] for entry in found.members]
        return {
            "changed": self._task.check_mode and bool(found.members or found.live),
            "members": found.members,
            "drain": found.drain,
            "dead": found.dead,
            "live": found.live,
            "acting_manager": found.acting_manager,
            "done": f"removed {', '.join(names)}" if names else "without these members already",
        }
