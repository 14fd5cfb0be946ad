# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sure that a run is about one cluster. See the module documentation of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import (
    ansible_core,  # noqa: F401 pylint: disable=unused-import # refuses old ones
    variable_types,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER, NODE
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import choose


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the name of the one cluster, or fail with the names there are."""
        task_vars = task_vars or {}
        if list(task_vars.get("ansible_run_tags") or ["all"]) != ["all"]:
            raise AnsibleActionFail(
                "--tags would leave out steps that later ones need; run the whole playbook, for fewer hosts with --limit"
            )
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec({"cluster": {"type": "str", "default": "clusters"}})
        try:
            name = choose(arguments["cluster"], task_vars["groups"], task_vars["hostvars"])
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from error
        parts = {host: part_of(task_vars["hostvars"][host]) for host in task_vars["groups"][arguments["cluster"]]}
        wrong = sorted(host for host, part in parts.items() if part not in (MANAGER, NODE))
        if wrong or MANAGER not in parts.values():
            what = f"{', '.join(wrong)} are neither manager nor node" if wrong else "it has no manager"
            raise AnsibleActionFail(
                f"cluster {name}: {what} (cluster_part); correct the inventory, nothing was changed"
            )
        variables = {host: variable_types.converted(task_vars["hostvars"][host]) for host in parts}
        return {**result, "changed": False, "cluster": name, "parts": parts, "variables": variables}


def part_of(variables: Mapping[str, Any]) -> str:
    """The part of a cluster that a host is."""
    return str(variables.get("cluster_part", ""))
