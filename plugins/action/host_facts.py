# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run host_facts between two looks at the controller's clock, add what the engine wants to know of a host, and ask a
running cluster for its members."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import components


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
            facts.update(self._of_engine(task_vars))
            facts.update(self._members(facts, task_vars))
        return result

    def _of_engine(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Ask the engine's own module, where it has one."""
        try:
            module = components.load(str(task_vars.get("cluster_engine", ""))).facts_module
        except components.EngineError:  # preflight itself says so
            return {}
        if not module:
            return {}
        names = {"cluster": "cluster_name", "part": "cluster_part", "address": "cluster_address"}
        arguments = {key: task_vars.get(name, "") for key, name in names.items()}
        arguments["endpoint"] = task_vars.get("cluster_endpoint") or task_vars.get("cluster_vip") or ""
        answer = self._execute_module(module, arguments, task_vars=task_vars)
        return {"engine": {} if answer.get("failed") else answer}

    def _members(self, facts: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Ask the cluster this manager runs for its members; nothing when it runs none yet."""
        name, engine = task_vars.get("cluster_name"), str(task_vars.get("cluster_engine", ""))
        runs = any(found["name"] == name and found["engine"] == engine for found in facts["clusters"])
        if not runs or task_vars.get("cluster_part") != components.MANAGER:
            return {}
        module = components.load(engine).members_module
        answer = self._execute_module(module, {"cluster": name}, task_vars=task_vars)
        return {"members_error": answer.get("msg", "")} if answer.get("failed") else {"members": answer["members"]}
