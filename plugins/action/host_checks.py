# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host from inside, with what its components declare there."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction

OWN = "keelson.cluster.host_checks"


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def lives(self, host: str) -> bool:
        """Ask every host: this is the task that finds out who answers."""
        return True

    def modules(self) -> list[str]:
        """Return our own, and those of the host's components."""
        part, found = str(self.vars["cluster_part"]), components.of(self.vars)
        return [OWN, *(c.host_checks_module for c in found if c.host_checks_module and part in c.parts)]

    def arguments(self, module: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return all for our own; a component's knows its host."""
        return given if module == OWN else {"cluster": self.vars["cluster_name"]}

    def parameters(self) -> dict[str, Any]:
        """Return what this host's part runs and opens; ssh may be on any port."""
        ssh = {"port": int(self.vars.get("ansible_port") or 22), "protocol": "tcp", "address": "any", "process": ""}
        listeners = [listener for part in self.parts for listener in part.listeners]
        doors = [found.port for found in listeners if found.probe and found.probe.kind in ("https", "https_login")]
        expected = [listener.as_data() for listener in listeners]
        accepted = {str(number) for number in self.vars.get("verify_accepted_controls", [])}
        return {
            "services": list(dict.fromkeys(unit for part in self.parts for unit in part.services)),
            "listeners": [*expected, ssh, *self.vars.get("verify_listeners", [])],
            "secrets": [{"path": path, "owner": part.account} for part in self.parts for path in part.secrets],
            "controls": {
                section: [control.as_data() for control in controls if control.number not in accepted]
                for component in components.of(self.vars)
                if component.benchmark
                for section, controls in component.benchmark.on(str(self.vars["cluster_part"])).items()
            },
            "address": str(self.vars["cluster_address"]),
            "ports": doors,
            **self.identity(),
        }
