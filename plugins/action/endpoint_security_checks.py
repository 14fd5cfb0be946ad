# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let each host probe at others, so that every endpoint is tried by a manager and by a host node."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.assign import assign
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.foreign import foreign_identity
from ansible_collections.keelson.cluster.plugins.plugin_utils.contract import MANAGER, NODE


class ActionModule(ChecksAction):
    """See the module of the same name."""

    def modules(self) -> list[str]:
        """Return the modules to run."""
        return ["keelson.cluster.endpoint_security_checks"]

    def acts(self) -> bool:
        """Tell whether any host is left to this one to probe at."""
        return bool(self._mine())

    def _mine(self) -> list[str]:
        groups = [self.members(MANAGER), self.members(NODE)]
        return assign(self.members(), groups).get(self.host, [])

    def parameters(self) -> dict[str, Any]:
        """Return the endpoints of the hosts this one probes at, and a certificate of nobody they know."""
        targets = []
        for name in self._mine():
            known = self.hostvars[name]
            where = {"host": name, "address": str(known["cluster_address"])}
            found = components.parts(components.of(known), str(known["cluster_part"]))
            targets += [
                {**where, "port": listener.port, "probe": listener.probe.as_data(), "optional": listener.optional}
                for part in found
                for listener in part.listeners
                if listener.probe
            ]
        enabled = components.of(self.vars)
        names = [name for component in enabled for name in component.reserved_names]
        groups = [name for component in enabled for name in component.reserved_groups]
        return {
            "targets": targets,
            "foreign": foreign_identity(self.host, str(self.vars["cluster_address"]), names, groups),
            **self.identity(),
        }
