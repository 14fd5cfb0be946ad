# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same groups and variables as the real plugin, by the shortest and quickest code: no references, no checks, no types."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template

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
    """json.load and add_host, and variables without set_variable, which copies each once more."""

    NAME = "floor"

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the hosts."""
        super().parse(inventory, loader, path, cache)
        with open(self._read_config_data(path)["state"], encoding="utf-8") as handle:
            state = json.load(handle)
        chain = ["clusters", "big", "big_nodes", "big_pool_node"]
        for group in [*chain, "big_managers", "environment_default", "stack_s"]:
            inventory.add_group(group)
        # The words of the collection and of the stacks file, as ours has them; what the state says stays untrusted.
        managed, big, node, default, kind, none = (
            trust_as_template(text) for text in ("managed", "big", "node", "default", "terraform", "")
        )
        inventory.groups["big"].vars.update(
            cluster_engine=managed,
            cluster_environment=default,
            cluster_endpoint=none,
            cluster_networks={},
        )
        about = {
            "name": trust_as_template("s"),
            "kind": kind,
            "workspace": default,
            "serial": state["serial"],
            "lineage": state["lineage"],
        }
        part = {"cluster_name": big, "cluster_part": node, "cluster_pool": node}
        for resource in state["resources"]:
            for instance in resource["instances"]:
                host = instance["attributes"]["tags"]["Name"]
                address = instance["attributes"]["private_ip"]
                where = f"{resource['type']}.{resource['name']}[{instance['index_key']}]"
                inventory.add_host(host)
                inventory.hosts[host].vars.update(
                    ansible_host=address,
                    cluster_address=address,
                    cluster_labels={},
                    stack={**about, "address": where},
                    **part,
                )
                inventory.add_child("big_pool_node", host)
                inventory.add_child("stack_s", host)
        for parent, child in [*zip(chain, chain[1:]), ("big", "big_managers"), ("environment_default", "big")]:
            inventory.add_child(parent, child)
