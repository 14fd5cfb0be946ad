# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host from inside, with what the engine's profile expects there."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def lives(self, host: str) -> bool:
        """Ask every host: this is the task that finds out who answers."""
        return True

    def module(self, profile: components.Profile) -> str:
        """Return the name of the module to run."""
        return "keelson.cluster.host_checks"

    def parameters(self, profile: components.Profile) -> dict[str, Any]:
        """Return what this host's part runs and opens; ssh may be on any port."""
        part = profile.parts[str(self.vars["cluster_part"])]
        ssh = {"port": int(self.vars.get("ansible_port") or 22), "protocol": "tcp", "address": "any", "process": ""}
        listeners = [dataclasses.asdict(listener) for listener in part.listeners]
        doors = [listener.port for listener in part.listeners if listener.probe.startswith("https")]
        return {
            "services": list(part.services),
            "listeners": [*listeners, ssh, *self.vars.get("verify_listeners", [])],
            "address": str(self.vars["cluster_address"]),
            "port": doors[0] if doors else 0,
            **self.identity(profile),
        }
