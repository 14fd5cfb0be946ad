# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings images of artifacts into a host's runtime, or out of it again: action artifacts with a runtime."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.keelson.cluster.plugins.action.artifacts import ActionModule as Artifacts
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import manifest
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(Artifacts):
    """The runtime is the engine's unless the task names one."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """See DOCUMENTATION of module images."""
        variables = task_vars or {}
        arguments = dict(self._task.args)
        absent = arguments.pop("state", "present") == "absent"
        if not arguments.get("runtime"):
            if not variables.get("cluster_engine"):
                raise AnsibleActionFail("runtime is missing, and there is no cluster_engine whose runtime it could be")
            arguments["runtime"] = components.engine(str(variables["cluster_engine"])).runtime
        self._task.args = arguments
        return self._remove(arguments, variables) if absent else super().run(tmp, task_vars)

    def _remove(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Remove the images of each artifact's default version; the host must have them."""
        try:
            artifacts = [manifest.find(name, None, "amd64") for name in arguments["names"]]
        except UserError as error:
            raise AnsibleActionFail(str(error)) from error
        answer: dict[str, Any] = {"changed": False}
        for image in (image for artifact in artifacts for image in artifact.images):
            command = {"argv": RUNTIMES[arguments["runtime"]].remove(image["name"])}
            answer = self._execute_module("ansible.legacy.command", command, task_vars=variables)
            if answer.get("failed"):
                break
        return answer
