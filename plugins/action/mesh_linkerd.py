# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the services of the mesh as objects of Linkerd. See the module documentation of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.host import atomic
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh.model import MeshError
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_linkerd.mesh import mesh_of, text


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {"cluster": {"type": "str", "required": True}, "file": {"type": "path", "required": True}}

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Render, and write what differs."""
        hostvars, cluster, path = task_vars["hostvars"], options["cluster"], Path(options["file"])
        try:
            rendered = text(mesh_of(hostvars[task_vars["inventory_hostname"]], hostvars, cluster), cluster)
        except MeshError as error:
            raise MeshError(f"The mesh of {cluster} as Linkerd could have it:\n{error}\nNothing was written.") from None
        changed = not path.is_file() or path.read_text(encoding="utf-8") != rendered
        if changed and not self._task.check_mode:
            atomic.write(str(path), rendered, None)
        return {"changed": changed, "file": str(path)}
