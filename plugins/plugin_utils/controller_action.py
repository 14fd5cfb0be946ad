# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions that work on the controller alone: arguments are checked, and an error a user can act on ends the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from . import ansible_core  # noqa: F401 pylint: disable=unused-import # refuses old ones
from .user_error import UserError


class ControllerAction(ActionBase):  # type: ignore[misc]
    """Define C(ARGUMENTS) and C(work)."""

    TRANSFERS_FILES = False
    _requires_connection = False
    ARGUMENTS: Mapping[str, Any] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments and work."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(self.ARGUMENTS)
        try:
            return {**result, "changed": False, **self.work(given, task_vars or {})}
        except (UserError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error

    def work(self, given: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Do it, and return what the module documents."""
        raise NotImplementedError

    @property
    def checking(self) -> bool:
        """Whether the run is in check mode."""
        return bool(self._task.check_mode)
