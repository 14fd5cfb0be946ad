# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render what the agent and the sidecars of a host are told, and have them brought about there."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.known import ACCOUNT
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh.owner_rules import owner_rules
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_consul import hosts, mesh
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

MODULE = "keelson.cluster.mesh_consul_sidecars"


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
        own = hosts.files(found, name, seed, owner_rules(found, name, [ACCOUNT]))
        desired = {
            "files": [*given.get("files", []), *own],
            "sidecars": hosts.sidecars(found, name, seed),
        }
        return {**result, **self._execute_module(MODULE, {**given, **desired}, task_vars=known)}
