# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which ports of a host others connect to, and which host tries which. See the module of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import connections
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Plan on the controller, do the rest on the host."""
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = dict(self._task.args)
        if given.get("state") == "planned":
            return {**result, "changed": False, "targets": self._plan(given, task_vars)}
        if given.get("state") == "opened":
            found = components.parts(components.of(task_vars), str(task_vars.get("cluster_part", "")))
            given.setdefault("ports", connections.ports([entry for part in found for entry in part.listeners]))
            given.setdefault("address", str(task_vars.get("cluster_address", "")))
        answer: dict[str, Any] = self._execute_module("keelson.cluster.connection_test", given, task_vars=task_vars)
        return {**result, **answer}

    def _plan(self, given: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        try:
            cluster = read_cluster(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], given["facts"])
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from error
        answers = {host.name: host.variables.get(given["opened"]) or {} for host in cluster.hosts}
        return connections.targets(cluster, {name: a["ports"] for name, a in answers.items() if "ports" in a})
