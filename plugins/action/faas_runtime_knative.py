# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the declared functions on the controller, and send them to a manager as objects."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import objects


class ActionModule(ActionBase):
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        lists = {name: {"type": "list", "elements": "dict", "default": []} for name in ("tenants", "functions")}
        dummy, args = self.validate_argument_spec(
            argument_spec={
                "cluster": {"type": "str", "required": True},
                **lists,
                "image": {"type": "str", "required": True},
                "closed": {"type": "list", "elements": "str", "default": []},
                "timeout": {"type": "int", "default": 0},
            }
        )
        try:
            # The task's own arguments still know where in which file they stand.
            given = self._task.args
            declared = functions.read(given.get("tenants", []), given.get("functions", []), objects.refused)
            found = objects.objects(declared, artifacts.read(declared), args["image"], args["closed"])
        except (functions.FunctionError, artifacts.ArtifactError) as error:
            raise AnsibleActionFail(str(error)) from error
        module_args = {name: args[name] for name in ("cluster", "image", "timeout")} | {"objects": found}
        return dict(
            self._execute_module(
                module_name="keelson.cluster.faas_runtime_knative", module_args=module_args, task_vars=task_vars
            )
        )
