# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that the inventory is measured against: json.load and add_host, nothing else."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.inventory import BaseInventoryPlugin

DOCUMENTATION = r"""
name: bare
short_description: The least an inventory plugin can do
description: Loads a state and adds one host an instance.
options:
  state:
    description: The path of the state.
    type: str
"""


class InventoryModule(BaseInventoryPlugin):
    """json.load and add_host."""

    NAME = "bare"

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the hosts."""
        super().parse(inventory, loader, path, cache)
        with open(self._read_config_data(path)["state"], encoding="utf-8") as handle:
            state = json.load(handle)
        for resource in state["resources"]:
            for instance in resource["instances"]:
                inventory.add_host(instance["attributes"]["tags"]["Name"])
