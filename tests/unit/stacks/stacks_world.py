# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three real stacks of tests/integration/stacks/code as applied once, in a folder of the test's own."""

from __future__ import annotations

import copy
import json
import pathlib
import shutil
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory

STATES = pathlib.Path(__file__).parent / "states"

DOCUMENT: dict[str, Any] = {
    "plugin": "keelson.cluster.stacks",
    "stacks": {
        "network": {"state": "network.json"},
        "managers": {"state": "managers.json"},
        "nodes": {"state": "nodes.json"},
    },
    "clusters": {
        "product": {
            "engine": "nomad",
            "environment": "prod",
            "endpoint": "network.outputs.api_endpoint",
            "networks": "network.outputs.vlans",
            "managers": {"hosts": "managers.resources.terraform_data.server"},
            "pools": {
                "web": {"hosts": "nodes.resources.module.*.terraform_data.web", "labels": {"tier": "web"}},
                "batch": {"hosts": "nodes.outputs.batch_hosts", "host": {"name": "name", "address": "private_ip"}},
            },
        }
    },
    "host": {"name": "output.name", "address": "output.private_ip"},
}


class World:
    """A folder with the three states and a stacks file that tests may bend."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.document = copy.deepcopy(DOCUMENT)
        self.path = str(folder / "product.stacks.yml")
        for state in STATES.iterdir():
            shutil.copy(state, folder)

    def load(self) -> Inventory:
        """Build the inventory of the stacks file as it is now."""
        return load.load(self.document, self.path)

    def state(self, name: str) -> dict[str, Any]:
        """The content of a state file."""
        content: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return content

    def write(self, name: str, content: Any) -> None:
        """Put CONTENT (text, bytes or what becomes JSON) in place of a state file."""
        path = self.folder / f"{name}.json"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))

    def cluster(self) -> dict[str, Any]:
        """The cluster `product` of the stacks file."""
        cluster: dict[str, Any] = self.document["clusters"]["product"]
        return cluster


def one(world: World, stack: dict[str, Any], hosts: Any, **pool: Any) -> Inventory:
    """The inventory of one pool, read from one stack named s."""
    only(world, stack, hosts, **pool)
    return world.load()


def only(world: World, stack: dict[str, Any], hosts: Any, **pool: Any) -> None:
    """Let the stacks file describe one pool, read from one stack named s."""
    world.document["stacks"] = {"s": stack}
    world.document["host"] = {}
    world.document["clusters"] = {"c": {"engine": "managed", "pools": {"web": {"hosts": hosts, **pool}}}}
