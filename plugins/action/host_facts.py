# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run host_facts between two looks at the controller's clock, add what the engine wants to know of a host, and ask a
running cluster for its members."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, contract
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.requests import Request


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module of the same name."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result with `clock` and `members` added to the facts."""
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = self._components(task_vars)
        arguments = {"traces": traces(known), **self._task.args}
        if known:
            arguments.setdefault("paths", disks(known, str(task_vars.get("cluster_part", ""))))
        if task_vars.get("cluster_part") == contract.MANAGER and task_vars.get("cluster_vip"):
            arguments.setdefault("neighbours", [str(task_vars["cluster_vip"])])
        before = time.time()
        result.update(self._execute_module("keelson.cluster.host_facts", arguments, task_vars=task_vars))
        facts = result.get("ansible_facts", {}).get("keelson")
        if facts is not None:
            facts["clock"] = {"before": before, "after": time.time()}
            engine = next((found for found in known if isinstance(found, contract.Engine)), None)
            own = components.parts(known, str(task_vars.get("cluster_part", "")))
            names = {Request.parse(request).name for part in own for request in part.artifacts}
            facts["artifacts"] = {name: version for name, version in facts["artifacts"].items() if name in names}
            if engine:
                facts.update(self._of_engine(engine, task_vars))
                facts.update(self._members(engine, facts, task_vars))
        return result

    def _components(self, task_vars: dict[str, Any]) -> tuple[contract.Component, ...]:
        try:
            return components.of(task_vars)
        except components.ComponentError:  # preflight itself says so
            return ()

    def _of_engine(self, engine: contract.Engine, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Ask the engine's own module, where it has one."""
        if not engine.facts_module:
            return {}
        names = {"cluster": "cluster_name", "part": "cluster_part", "address": "cluster_address"}
        arguments = {key: task_vars.get(name, "") for key, name in names.items()}
        arguments["endpoint"] = task_vars.get("cluster_endpoint") or task_vars.get("cluster_vip") or ""
        answer = self._execute_module(engine.facts_module, arguments, task_vars=task_vars)
        return {"engine": {} if answer.get("failed") else answer}

    def _members(self, engine: contract.Engine, facts: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Ask the cluster this manager runs for its members; nothing when it runs none yet."""
        name = task_vars.get("cluster_name")
        runs = any(found["name"] == name and found["component"] == engine.name for found in facts["clusters"])
        if not runs or task_vars.get("cluster_part") != contract.MANAGER:
            return {}
        answer = self._execute_module(engine.members_module, {"cluster": name}, task_vars=task_vars)
        return {"members_error": answer.get("msg", "")} if answer.get("failed") else {"members": answer["members"]}


def traces(enabled: Iterable[contract.Component]) -> list[dict[str, Any]]:
    """Return how all known components, and those that a host has, are recognised."""
    known = {**components.known(), **{component.name: component for component in enabled}}
    return [
        {
            "component": name,
            "files": [{"path": trace.path, "name": trace.name} for trace in component.traces],
            "processes": list(component.processes),
        }
        for name, component in known.items()
    ]


def disks(enabled: Iterable[contract.Component], part: str) -> list[str]:
    """Return the paths whose free disk the components of a host count on."""
    return sorted({path for found in components.parts(enabled, part) for path in found.requirements.disk_mib})
