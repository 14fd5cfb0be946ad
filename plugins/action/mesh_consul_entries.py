# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the tokens and the configuration entries of a mesh, and have Consul's servers take them."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_consul import entries, mesh, tokens
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

MODULE = "keelson.cluster.mesh_consul_entries"


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        known = task_vars or {}
        result: dict[str, Any] = super().run(tmp, known)
        hostvars, name, cluster = known["hostvars"], str(known["inventory_hostname"]), str(known["cluster_name"])
        given = dict(self._task.args)
        seed = str(given.pop("seed"))
        try:
            found = mesh.mesh_of(hostvars[name], hostvars, cluster)
        except UserError as error:
            raise AnsibleActionFail(f"The mesh of {cluster}:\n{error}") from error
        if not seed:  # in check mode, before there are secrets
            return {**result, "changed": True, "actions": []}
        desired = {
            "tokens": tokens.tokens(found, mesh.hosts_of(hostvars, cluster), seed, cluster),
            "entries": entries.entries(found, mesh.access_log(hostvars[name])),
            "leaf_minutes": found.leaf_minutes,
        }
        return {**result, **self._execute_module(MODULE, {**given, **desired}, task_vars=known)}
