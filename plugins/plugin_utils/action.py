# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions share that work where Ansible itself runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from . import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones
from .user_error import UserError


def show_plan(title: str, lines: Iterable[str], warnings: Iterable[str]) -> None:
    """Show the lines of a plan, and warn of what goes with it."""
    told = "".join(f"\n  {line}" for line in lines)
    Display().display(f"\n{title}:{told}\n")
    for text in warnings:
        Display().warning(text)


class ControllerAction(ActionBase):  # type: ignore[misc]
    """Validates the options (`ARGUMENTS`) and acts; a fault of the user's (`FAULTS`) fails the task with its message alone."""

    TRANSFERS_FILES = False
    _requires_connection = False
    ARGUMENTS: Mapping[str, Any] = {}
    FAULTS: tuple[type[Exception], ...] = (UserError, OSError)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """See DOCUMENTATION of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(self.ARGUMENTS)
        try:
            return {**result, "changed": False, **self.act(options, task_vars or {})}
        except self.FAULTS as error:
            raise AnsibleActionFail(str(error)) from None  # Ansible tells causes too

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do it; return what the task returns besides `changed`, which is false by default."""
        raise NotImplementedError
