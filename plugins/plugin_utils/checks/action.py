# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of verify share: which hosts live, which host acts, and how checks get the name of their host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import broken
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import OutageScope

from .. import components
from ..contract import MANAGER, Engine, Part

FIRST = "verify_host"  # where the first task of verify, which every host runs, registers its result


class ChecksAction(ActionBase):  # type: ignore[misc]
    """Run a module with parameters from the inventory, and label the checks it returns with the host.

    Subclasses say which module, on which hosts, and what parameters it gets; the task's own arguments win.
    A module that fails is a failed check, so that the report shows it and what follows still runs, above all cleaning up.
    """

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Skip hosts that did not answer before or do not act, run the module for the others."""
        self.vars: dict[str, Any] = task_vars or {}
        result: dict[str, Any] = super().run(tmp, self.vars)
        self.host = str(self.vars["inventory_hostname"])
        if not self.lives(self.host):
            return {**result, "skipped": True, "msg": "the host did not answer before"}
        if not self.acts():
            return {**result, "skipped": True, "msg": "another host does this"}
        checks: list[dict[str, Any]] = []
        answers: dict[str, Any] = {}
        arguments = {**self.parameters(), **self._task.args}
        for module in self.modules():
            answer = self._execute_module(module, self.arguments(module, arguments), task_vars=self.vars)
            if answer.get("failed"):
                answer = {"checks": [broken(module, answer)]}
            answers.update(answer)
            checks += [{**check, "host": self.host} for check in answer.get("checks", [])]
        return {**result, "changed": False, **answers, "checks": checks}

    def modules(self) -> list[str]:
        """Return the names of the modules to run."""
        raise NotImplementedError

    def parameters(self) -> dict[str, Any]:
        """Return the modules' parameters."""
        raise NotImplementedError

    def arguments(self, module: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return what one of the modules takes of them."""
        return given

    @property
    def engine(self) -> Engine:
        """The engine of this host's cluster."""
        return components.engine(str(self.vars["cluster_engine"]))

    @property
    def parts(self) -> list[Part]:
        """What the components of this host are on it."""
        return components.parts(components.of(self.vars), str(self.vars["cluster_part"]))

    @property
    def outage_scope(self) -> dict[str, Any]:
        """What a drill may do to the components of this host, as a module takes it."""
        return {name: list(found) for name, found in vars(OutageScope.of(part.outage for part in self.parts)).items()}

    def acts(self) -> bool:
        """Tell whether this host is to run the module."""
        return True

    @property
    def hostvars(self) -> Mapping[str, Mapping[str, Any]]:
        """The variables of all hosts."""
        found: Mapping[str, Mapping[str, Any]] = self.vars["hostvars"]
        return found

    def lives(self, host: str) -> bool:
        """Tell whether a host answered the first task of verify (or that task has not run yet)."""
        first = self.hostvars[host].get(FIRST) or {}
        return not first.get("unreachable")

    def members(self, part: str | None = None, live: bool = True) -> list[str]:
        """Return this cluster's hosts, of one part if given; only those in this run that answered if `live`."""
        run, mine = set(self.vars["ansible_play_hosts_all"]), self.vars["cluster_name"]
        return [
            host
            for host, known in self.hostvars.items()
            if known.get("cluster_name") == mine
            and part in (None, known.get("cluster_part"))
            and (not live or (host in run and self.lives(host)))
        ]

    def acting_manager(self) -> str:
        """Return the manager that acts for the cluster: the first of this run that answered, or nothing."""
        return next(iter(self.members(MANAGER)), "")

    def from_acting_manager(self, register: str) -> dict[str, Any]:
        """Return what the acting manager registered under a name, or nothing."""
        acting_manager = self.acting_manager()
        return dict(self.hostvars[acting_manager].get(register) or {}) if acting_manager else {}

    def identity(self) -> dict[str, str]:
        """Return the files of this host's certificate as module parameters."""
        files = self.engine.identity
        return {"ca_file": files.ca, "cert_file": files.cert, "key_file": files.key}
