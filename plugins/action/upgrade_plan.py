# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan an upgrade on the controller. See the module documentation of the same name."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction, show_plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.index import read_index
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade import read
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.plan import plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "facts": {"type": "str", "required": True},
        "to": {"type": "str", "default": ""},
        "max_unavailable": {"type": "raw", "default": 1},
        "pause_after": {"type": "str", "default": ""},
        "by": {"type": "str", "choices": ["in_place", "replace"], "default": "in_place"},
        "bundle": {"type": "str"},
    }
    FAULTS = (ValueError, UserError)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan, show the plan, and fail when it is refused."""
        cluster = read_cluster(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], options["facts"])
        version = options["to"].strip() or read.asked(cluster)
        targets, step = read.targets(cluster, version), cluster.engine.refuse_step
        decided = plan(read.hosts(cluster), targets, version, step, options["max_unavailable"], options["pause_after"])
        if options["by"] == "replace":
            decided = decided.with_new_servers()
        staged = [*decided.hosts, *decided.later]
        wanted, others = read.requests(cluster, staged, targets), read.check_others(cluster, version)
        if decided.hosts:
            read.check_steps(cluster)
            bundle = options["bundle"] or str(default_root())
            read.check_bundle(cluster, staged, targets, read_index(bundle), bundle)
        title = f"Upgrade of {cluster.name} to {cluster.engine.name} {version}"
        show_plan(title, decided.lines or ["every member has it already"], [*decided.warnings, *others])
        return {
            "changed": self._task.check_mode and bool(decided.lines),
            "version": version,
            "versions": {part: dict(found) for part, found in targets.items()},
            **decided.as_data(),
            "later": list(decided.later),
            "replaced": list(decided.replaced),
            "requests": wanted,
            "acting_manager": read.acting_manager(cluster),
            "live_managers": read.live_managers(cluster),
            "runtime": cluster.engine.runtime,
            "done": f"upgraded to {version}" if decided.lines else f"at {version} already",
        }
