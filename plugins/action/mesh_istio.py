# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render Istio and the services of the mesh as objects, and have a manager apply them."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio import control_plane, objects
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio.mesh import mesh_of
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

MODULE = "keelson.cluster.mesh_istio"


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        known = task_vars or {}
        result: dict[str, Any] = super().run(tmp, known)
        _dummy, args = self.validate_argument_spec(
            argument_spec={
                "cluster": {"type": "str", "required": True},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "revisions": {"type": "list", "elements": "dict", "default": []},
                "tenants": {"type": "dict", "default": {}},
                "replicas": {"type": "int", "default": 2},
                "priority_class": {"type": "str", "default": "system-cluster-critical"},
                "resources": {"type": "dict", "default": {}},
                "proxy_resources": {"type": "dict", "default": {}},
                "timeout": {"type": "int", "default": 300},
            },
            required_if=[("state", "present", ["revisions"])],
        )
        given = {name: args[name] for name in ("cluster", "state", "timeout", "revisions")}
        if args["state"] == "present":
            given |= self._desired(args, known)
        return {**result, **self._execute_module(MODULE, given, task_vars=known)}

    def _desired(self, args: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        """The objects, and the revision of each tenant."""
        hostvars, cluster = known["hostvars"], args["cluster"]
        try:
            mesh = mesh_of(hostvars[known["inventory_hostname"]], hostvars, cluster)
            revisions = [control_plane.Revision(one["name"], one["image"], one["proxy"]) for one in args["revisions"]]
        except UserError as error:
            raise AnsibleActionFail(f"The mesh of {cluster}:\n{error}") from error
        names = {one.name for one in revisions}
        for tenant, name in args["tenants"].items():
            if name not in names:
                text = f"mesh_sidecar_istio_tenants: {tenant} has the revision {name}"
                raise AnsibleActionFail(f"{text}; mesh_sidecar_istio_revisions has {', '.join(sorted(names))}")
        managers = [
            one
            for one in hostvars.values()
            if one.get("cluster_name") == cluster and one.get("cluster_part") == MANAGER
        ]
        settings = control_plane.Settings(
            max(1, min(args["replicas"], len(managers))),
            args["priority_class"],
            args["resources"],
            args["proxy_resources"],
        )
        found = control_plane.shared(mesh)
        for one in revisions:
            found += control_plane.revision(one, mesh, settings)
        spaces = {one.tenant for one in mesh.services.values()}
        tenants = {space: args["tenants"].get(space, revisions[0].name) for space in sorted(spaces)}
        return {"objects": [*found, *objects.objects(mesh)], "tenants": tenants}
