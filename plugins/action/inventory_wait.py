# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait on the controller until the inventory has hosts at other addresses. See the module documentation of the same name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.members import canonical
from ansible_collections.keelson.cluster.plugins.plugin_utils.action import ControllerAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class ActionModule(ControllerAction):
    """See the module of the same name."""

    ARGUMENTS = {
        "hosts": {"type": "dict", "required": True},
        "timeout": {"type": "int", "default": 3600},
        "interval": {"type": "float", "default": 5},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read the inventory again and again; an inventory that cannot be read is one that is being written."""
        end, told = time.monotonic() + options["timeout"], ""
        while not self._task.check_mode:
            waits = self._waits(options["hosts"], task_vars["hostvars"])
            if not waits:
                break
            if waits != told:
                Display().display(f"\nWaiting for the stack: {waits}\n")
                told = waits
            if time.monotonic() > end:
                raise UserError(
                    f"After {options['timeout']} s {waits}. Have the stack make new servers, then run the playbook again: it goes "
                    "on from here."
                )
            time.sleep(options["interval"])
        return {}

    def _waits(self, hosts: Mapping[str, str], known: Mapping[str, Any]) -> str:
        """What the inventory does not have yet, in words."""
        loader = DataLoader()
        loader.set_vault_secrets(self._loader._vault.secrets)
        try:
            found = InventoryManager(loader=loader, sources=context.CLIARGS["inventory"], cache=False).hosts
        except AnsibleError as error:
            return f"the inventory cannot be read ({' '.join(str(error).split())[:200]})"
        now = {name: found[name].get_vars().get("cluster_address") if name in found else None for name in hosts}
        missing = [
            f"the inventory has {name} {f'at {old} still' if address else 'no more'}{_place(known, name)}"
            for (name, old), address in zip(hosts.items(), now.values())
            if not address or canonical(str(address)) == old
        ]
        return "; ".join(missing)


def _place(known: Mapping[str, Any], name: str) -> str:
    if name not in known:  # hostvars has no default for such a host
        return ""
    stack = known[name].get("stack") or {}
    return f" (stack {stack['name']}, {stack.get('resource', '')})" if stack.get("name") else ""
