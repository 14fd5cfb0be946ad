# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold a cluster's lease on its managers for the rest of the run. See the module documentation of the same name."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import ansible.constants as C
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.lease import ARGUMENTS
from ansible_collections.keelson.cluster.plugins.plugin_utils import lease
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import versions
from ansible_collections.keelson.cluster.plugins.plugin_utils.managers import Manager, ManagersAction

display = Display()
_artifacts: dict[str, Mapping[str, str]] = {}  # in use, by manager


class ActionModule(ManagersAction):
    """Take the lease and leave a process for each manager that keeps it, or fail with one line."""

    MODULE = "keelson.cluster.cluster_lease"
    ARGUMENTS = ARGUMENTS

    def work(self, given: dict[str, Any], managers: Sequence[Manager], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the name of the run, and the versions in use on the managers, of which one is the cluster's."""
        who = lease.holder(context.CLIARGS.get("args") or (), task_vars)
        run = lease.Run(given["cluster"], lease.name_of(os.getppid()), who, os.getppid())
        if self._task.check_mode:
            _tell_holder(run, managers)
            return {"artifacts": _lowest()}
        try:
            lease.take(run, managers, given["take_from"], given["wait"], display.display)
        except lease.LeaseError as error:
            raise AnsibleActionFail(str(error)) from error
        for manager in managers:
            if os.fork() == 0:
                _keep(run, manager)
        return {"run": run.name, "artifacts": _lowest()}

    def _ask(self, task_vars: dict[str, Any], **arguments: Any) -> Mapping[str, Any]:
        answer = super()._ask(task_vars, **arguments)
        _artifacts[str(self._task.delegate_to)] = answer.get("artifacts") or {}
        return answer


def _lowest() -> dict[str, str]:
    return versions.lowest(_artifacts.values())


def _tell_holder(run: lease.Run, managers: Sequence[Manager]) -> None:
    """Warn where another run changes the cluster. All are asked, for their versions are what a prediction goes by."""
    found = []
    for manager in managers:
        with contextlib.suppress(Exception):  # whatever a connection raises
            found.append(manager.ask(**run.request("read"))["lease"])
    held = next(filter(None, found), None)
    if held:
        display.warning(f"The cluster {run.cluster} {lease.held_by(held)}.")


def _keep(run: lease.Run, manager: Manager) -> None:
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
