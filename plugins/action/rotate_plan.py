# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a rotation on the controller. See the module documentation of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.keelson.cluster.plugins.action.cluster_secrets import choose, read_all
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import PHASES
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.secret_store import StoreError
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki, rotation
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import show_plan
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager, ManagersAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.inventory import read_cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ManagersAction):
    """Reads the secrets of the managers, and returns none of them."""

    MODULE = "keelson.cluster.secret_store"
    ARGUMENTS = {
        "managers": {"type": "list", "elements": "str", "required": True},
        "facts": {"type": "str", "required": True},
        "numbers": {"type": "dict", "required": True},
        "last": {"type": "str", "default": PHASES[-1]},
    }

    def work(self, given: dict[str, Any], managers: Sequence[Manager], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan, show the plan, and fail when it is refused."""
        try:
            cluster = read_cluster(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], given["facts"])
            rotated = cluster.engine.rotated
            asked = rotation.read_asked(given["numbers"], rotated, cluster.engine.name)
            held = read_all(managers, cluster.name) if asked else {}
            if asked and not any(answer["generation"] for answer in held.values()):
                raise rotation.RotationError(
                    "no manager that answers has secrets of the cluster; run the install playbook first"
                )
            payload = choose(given, held, {})[1] if asked else {}
            plan = rotation.plan(payload, asked, rotated, rotation.hosts(cluster), given["last"])
        except (ValueError, UserError, StoreError, pki.PkiError) as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from None  # Ansible would say it twice
        show_plan(f"Rotation in {cluster.name}", plan.lines, plan.warnings)
        check = self._task.check_mode and plan.changes
        return {
            "changed": check,
            "numbers": asked,
            "phases": [] if check else list(plan.phases),
            "hosts": list(plan.hosts),
            "plan": list(plan.lines),
            "done": plan.done,
        }
