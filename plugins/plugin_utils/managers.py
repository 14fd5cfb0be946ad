# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions that work with all managers of a cluster in one task, whichever of them answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


@dataclass(frozen=True)
class Manager:
    """A manager, and how a module is run on it: C(ask) returns its answer, and raises an exception when there is none.

    C(action) is the action of its item of the loop, whose connection leads there, and C(variables) are that item's.
    """

    name: str
    ask: Callable[..., Mapping[str, Any]]
    action: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)


_managers: list[Manager] = []


class ManagersAction(ActionBase):  # type: ignore[misc]
    """For a task with C(run_once), a loop over all managers, and C(delegate_to) each of them.

    One process works off all items of the loop: each adds what reaches its manager, the last one does the work.
    """

    TRANSFERS_FILES = False
    MODULE = ""
    ARGUMENTS: Mapping[str, Any] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Add this item's manager, or work with all of them."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(self.ARGUMENTS)
        name = str(self._task.delegate_to)
        if name == given["managers"][0]:
            _managers.clear()
        variables = task_vars or {}
        _managers.append(Manager(name, functools.partial(self._ask, variables), self, variables))
        if name != given["managers"][-1]:
            return {**result, "changed": False}
        return {**result, "changed": False, **self.work(given, _managers, task_vars or {})}

    def work(self, given: dict[str, Any], managers: Sequence[Manager], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do it; C(given) are the task's arguments."""
        raise NotImplementedError

    def _ask(self, task_vars: dict[str, Any], **arguments: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._execute_module(self.MODULE, arguments, task_vars=task_vars)
        if answer.get("failed"):
            raise AnsibleError(" ".join(str(answer.get("msg") or answer.get("module_stderr")).split()))
        return answer
