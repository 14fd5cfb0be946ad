# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sure that a run is about one cluster. See the module documentation of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.manager import NAME
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.names import GROUPS
from ansible_collections.keelson.cluster.plugins.plugin_utils import (  # pylint: disable=unused-import # one refuses old ones
    ansible_core,  # noqa: F401
    variable_types,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER, NODE
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import choose


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {"cluster": {"type": "str", "default": "clusters"}}
    FAULTS = (ValueError,)

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the name of the one cluster, or fail with the names there are."""
        if list(task_vars.get("ansible_run_tags") or ["all"]) != ["all"]:
            raise AnsibleActionFail(
                "--tags would leave out steps that later ones need; run the whole playbook, for fewer hosts with --limit"
            )
        if NAME in task_vars["groups"]["all"]:  # Ansible takes no host out of a run's inventory again
            raise AnsibleActionFail(
                f"enroll, earlier in this run, has left {NAME} in the inventory, a host that is none; run what comes after enroll by a "
                "command of its own. Nothing was changed by this playbook"
            )
        name = choose(options["cluster"], task_vars["groups"], task_vars["hostvars"])
        parts = {host: part_of(task_vars["hostvars"][host]) for host in task_vars["groups"][options["cluster"]]}
        wrong = sorted(host for host, part in parts.items() if part not in (MANAGER, NODE))
        if wrong or MANAGER not in parts.values():
            what = f"{', '.join(wrong)} are neither manager nor node" if wrong else "it has no manager"
            raise AnsibleActionFail(
                f"cluster {name}: {what} (cluster_part); correct the inventory, nothing was changed"
            )
        self._refuse_own(name, task_vars, parts)
        told = variable_types.faults(variable_types.read(task_vars, self._templar.template))
        if told:
            raise AnsibleActionFail(f"{'; '.join(told)}. Nothing was changed")
        variables = {host: variable_types.converted(task_vars["hostvars"][host]) for host in parts}
        return {"cluster": name, "parts": parts, "variables": variables}

    @staticmethod
    def _refuse_own(name: str, task_vars: Mapping[str, Any], parts: Mapping[str, str]) -> None:
        """Fail where a group that only a run may make is the inventory's, or has hosts of another cluster."""
        begun = "__cluster_select" in task_vars  # an earlier playbook of this run has chosen the cluster
        for group in GROUPS:
            others = sorted(set(task_vars["groups"].get(group, ())) - set(parts if begun else ()))
            if others:
                raise AnsibleActionFail(
                    f"cluster {name}: the group {group} has {', '.join(others[:5])}, and plays would run there; the playbooks make "
                    "this group, so give that of the inventory another name. Nothing was changed"
                )


def part_of(variables: Mapping[str, Any]) -> str:
    """The part of a cluster that a host is."""
    return str(variables.get("cluster_part", ""))
