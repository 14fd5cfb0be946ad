# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan new servers for hosts on the controller. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade import replacement
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.removal import RemovalError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "facts": {"type": "str", "required": True},
        "noted": {"type": "str", "required": True},
        "hosts": {"type": "list", "elements": "str", "required": True},
        "needed": {"type": "bool", "default": False},
    }

    FAULTS = (ValueError, RemovalError)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan, and fail when the replacement is refused."""
        cluster = read_cluster(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], options["facts"])
        managers = [host for host in cluster.hosts if host.part == MANAGER]
        noted = replacement.read(host.variables.get(options["noted"]) or {} for host in managers)
        found = replacement.plan(cluster, options["hosts"], noted)
        if options["needed"] and not found.noted:
            raise RemovalError("replace_hosts is empty: name the hosts that get new servers. Nothing was changed")
        return {
            "changed": self._task.check_mode and bool(found.noted),
            "noted": dict(found.noted),
            "members": found.removal.members,
            "drain": found.removal.drain,
            "dead": found.removal.dead,
            "live": found.removal.live,
            "acting_manager": found.removal.acting_manager,
            "done": f"with new servers for {', '.join(found.noted)}",
        }
