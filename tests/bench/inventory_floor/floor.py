# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same groups and variables as the real plugin, by the shortest code: no references, no checks, no types."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.inventory import BaseInventoryPlugin

DOCUMENTATION = r"""
name: floor
short_description: The shortest code for one cluster of one state
description: Loads a state and adds one host an instance, with the variables of a host node.
options:
  state:
    description: The path of the state.
    type: str
"""


class InventoryModule(BaseInventoryPlugin):
    """json.load, add_host and set_variable."""

    NAME = "floor"

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the hosts."""
        super().parse(inventory, loader, path, cache)
        with open(self._read_config_data(path)["state"], encoding="utf-8") as handle:
            state = json.load(handle)
        chain = ["clusters", "big", "big_nodes", "big_pool_node"]
        for group in [*chain, "environment_default", "stack_s"]:
            inventory.add_group(group)
        for parent, child in [*zip(chain, chain[1:]), ("environment_default", "big")]:
            inventory.add_child(parent, child)
        cluster = {
            "cluster_engine": "managed",
            "cluster_environment": "default",
            "cluster_endpoint": "",
            "cluster_networks": {},
        }
        for name, value in cluster.items():
            inventory.set_variable("big", name, value)
        about = {
            "name": "s",
            "kind": "terraform",
            "workspace": "default",
            "serial": state["serial"],
            "lineage": state["lineage"],
        }
        for resource in state["resources"]:
            for instance in resource["instances"]:
                host, address = instance["attributes"]["tags"]["Name"], instance["attributes"]["private_ip"]
                where = f"{resource['type']}.{resource['name']}[{instance['index_key']}]"
                inventory.add_host(host, "big_pool_node")
                inventory.add_host(host, "stack_s")
                part = {"cluster_name": "big", "cluster_part": "node", "cluster_pool": "node", "cluster_labels": {}}
                for name, value in {
                    "ansible_host": address,
                    "cluster_address": address,
                    "stack": {**about, "address": where},
                    **part,
                }.items():
                    inventory.set_variable(host, name, value)
