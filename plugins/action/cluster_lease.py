# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold a cluster's lease on its managers for the rest of the run. See the module documentation of the same name."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import signal
import tempfile
from collections.abc import Mapping
from typing import Any

import ansible.constants as C
from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.lease import ARGUMENTS
from ansible_collections.keelson.cluster.plugins.plugin_utils import lease

display = Display()

# One process works off all items of the loop and then ends: what reaches each manager is kept until the last one.
_managers: list[lease.Manager] = []


class ActionModule(ActionBase):  # type: ignore[misc]
    """Every item of the loop adds its manager; the last one takes the lease on all of them."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take the lease and leave a process for each manager that keeps it, or fail with one line."""
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        _validation, given = self.validate_argument_spec(ARGUMENTS)
        _managers.append(lease.Manager(given["manager"], functools.partial(self._ask, variables)))
        if len(_managers) < len(given["managers"]):
            return {**result, "changed": False}
        who = lease.holder(context.CLIARGS.get("args") or (), variables)
        run = lease.Run(given["cluster"], secrets.token_hex(4), who, os.getppid())
        if self._task.check_mode:
            self._tell_holders(run)
            return {**result, "changed": False}
        try:
            lease.take(run, _managers, given["take_from"], given["wait"], display.display)
        except lease.LeaseError as error:
            raise AnsibleActionFail(str(error)) from error
        for manager in _managers:
            if os.fork() == 0:
                _keep(run, manager)
        return {**result, "changed": False, "run": run.name}

    def _ask(self, variables: dict[str, Any], **arguments: Any) -> Mapping[str, Any]:
        answer = self._execute_module("keelson.cluster.cluster_lease", arguments, task_vars=variables)
        if answer.get("failed"):
            raise AnsibleError(str(answer.get("msg") or answer.get("module_stderr")))
        found: Mapping[str, Any] = answer["lease"]
        return found

    def _tell_holders(self, run: lease.Run) -> None:
        for manager in _managers:
            with contextlib.suppress(AnsibleError):
                found = manager.ask(**run.request("read"))
                if found:
                    display.warning(f"The cluster {run.cluster} {lease.held_by(found)}.")
                    return


def _keep(run: lease.Run, manager: lease.Manager) -> None:
    """The rest of the life of a process of its own, which outlives the task."""
    try:
        os.setsid()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        # The run removes its folder when it ends, unless it is killed.
        of_run = C.DEFAULT_LOCAL_TMP
        with tempfile.TemporaryDirectory() as C.DEFAULT_LOCAL_TMP:
            lease.keep(run, manager, lambda: not os.path.exists(of_run), display.warning)
    finally:
        os._exit(0)
