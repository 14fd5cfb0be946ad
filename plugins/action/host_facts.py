# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run host_facts between two looks at the controller's clock, and ask a running cluster for its members."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils import engines


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result with `clock` and `members` added to the facts."""
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        before = time.time()
        result.update(self._execute_module("keelson.cluster.host_facts", self._task.args, task_vars=task_vars))
        facts = result.get("ansible_facts", {}).get("keelson")
        if facts is not None:
            facts["clock"] = {"before": before, "after": time.time()}
            facts.update(self._members(facts, task_vars))
        return result

    def _members(self, facts: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Ask the cluster this manager runs for its members; nothing when it runs none yet."""
        name, engine = task_vars.get("cluster_name"), str(task_vars.get("cluster_engine", ""))
        runs = any(found["name"] == name and found["engine"] == engine for found in facts["clusters"])
        if not runs or task_vars.get("cluster_part") != engines.MANAGER:
            return {}
        module = engines.load(engine).members_module
        answer = self._execute_module(module, {"cluster": name}, task_vars=task_vars)
        return {"members_error": answer.get("msg", "")} if answer.get("failed") else {"members": answer["members"]}
