# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the declared functions on the controller, and send them to a manager as jobs."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions, gateway
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs


class ActionModule(ActionBase):
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(
            argument_spec={
                "cluster": {"type": "str", "required": True},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "tenants": {"type": "list", "elements": "dict", "default": []},
                "functions": {"type": "list", "elements": "dict", "default": []},
            }
        )
        if args["state"] == "absent":
            return self._on_the_manager({name: args[name] for name in ("cluster", "state")}, task_vars)
        try:
            # The task's own arguments still know where in which file they stand.
            given = self._task.args
            gateways = gateway.count(task_vars or {}, args["cluster"])
            declared = functions.read(
                given.get("tenants", []), given.get("functions", []), nomad_jobs.refused, gateways
            )
            code = artifacts.read(declared)
        except (functions.FunctionError, artifacts.ArtifactError) as error:
            raise AnsibleActionFail(str(error)) from error
        programs = artifacts.programs()
        jobs = [
            nomad_jobs.job(one, declared.tenants[one.tenant], code[one.artifact], programs)
            for one in declared.functions
        ]
        secrets = {f"{gateway.namespace(one.tenant)}/{one.job}": dict(one.secrets) for one in declared.functions}
        places = gateway.secret_places(declared, lambda one: one.job)
        own = {"places": places, "jobs": jobs, "secrets": secrets, "policies": nomad_jobs.policies(declared)}
        tenants = [{"name": name} for name in declared.tenants]
        return self._on_the_manager({"cluster": args["cluster"], "tenants": tenants, **own}, task_vars)

    def _on_the_manager(self, module_args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """The result of the module."""
        return dict(
            self._execute_module(
                module_name="keelson.cluster.faas_runtime_functions", module_args=module_args, task_vars=task_vars
            )
        )
