# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan updates and reboots on the controller. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction, show_plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade import patch, read
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "facts": {"type": "str"},
        "found": {"type": "str"},
        "packages": {"type": "str", "default": "security"},
        "reboot": {"type": "str", "default": "needed"},
        "max_unavailable": {"type": "raw", "default": 1},
    }
    FAULTS = (ValueError, UserError)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Check the options; with facts, plan, show the plan, and fail when it is refused."""
        how = (options["packages"], options["reboot"], options["max_unavailable"])
        if not (options["facts"] and options["found"]):
            patch.check(*how)
            return {}
        cluster = read_cluster(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], options["facts"])
        found = {host.name: host.variables.get(options["found"]) or {} for host in cluster.hosts}
        decided = patch.plan(read.hosts(cluster), found, *how)
        told = list(decided.lines) or ["every host is up to date"]
        held = sorted({text for entry in found.values() for text in entry.get("held") or ()})
        if held:
            told.append(f"left as they are, for applications run on them: {', '.join(held)}")
        show_plan(f"Updates of {cluster.name}", told, decided.warnings)
        count = sum(len(found[name].get("updates") or ()) for name in decided.hosts)
        return {
            "changed": self._task.check_mode and bool(decided.hosts),
            **decided.as_data(),
            "done": f"patched ({len(decided.hosts)} hosts, {count} packages)"
            if decided.hosts
            else "up to date already",
        }
