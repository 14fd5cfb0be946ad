# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the sidecars of Istio of a host from the services of the mesh, and have them brought about there."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio import hosts
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio.mesh import mesh_of
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

MODULE = "keelson.cluster.mesh_istio_sidecars"
OWN = ("first_port", "concurrency", "revisions")  # of the action alone


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        known = task_vars or {}
        result: dict[str, Any] = super().run(tmp, known)
        args, hostvars, name = self._task.args, known["hostvars"], str(known["inventory_hostname"])
        cluster, component = str(known["cluster_name"]), str(args["component"])
        try:
            mesh = mesh_of(hostvars[name], hostvars, cluster, component)
            engine = components.engine(str(known["cluster_engine"]))
        except UserError as error:
            raise AnsibleActionFail(f"The mesh of {cluster}:\n{error}") from error
        settings = hosts.Settings(int(args["first_port"]), int(args["concurrency"]), args["revisions"])
        managers = [
            str(other["cluster_address"])
            for other in hostvars.values()
            if other.get("cluster_name") == cluster and other.get("cluster_part") == MANAGER
        ]
        described = hosts.describe(mesh, name, cluster, managers, engine.identity, settings)
        subnet = str(known.get("cluster_service_subnet") or engine.defaults["cluster_service_subnet"])
        own = hosts.files(described, hosts.rules(mesh, name, settings.first_port), hosts.resolver(subnet))
        given = {
            **{key: value for key, value in args.items() if key not in OWN},
            "files": [*own, *args.get("files", [])],
            "sidecars": hosts.sidecars(mesh, name, settings),
        }
        return {**result, **self._execute_module(MODULE, given, task_vars=known)}
