# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that a pool resource made (an autoscaling group, a scale set): no state lists them, `members:` does."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.stacks import documents, host_types, paths
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError, known
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Stack
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.sources.common import Source


def add(stack: Stack, entry: Any, base: str, place: str) -> None:
    """Add to STACK the members that ENTRY (a path) names; a pool that the stack does not hold is an error."""
    path = Source(stack.name, "members", entry, base, place).path(entry)
    document = documents.load_json(documents.read_file(path), path)
    pools = {name for resource in stack.resources if resource.type in host_types.POOLS for name in pool_names(resource.address, resource.type, resource.attributes)}
    for pool, hosts in document.items():
        if pool not in pools:
            raise StackError(f"{path}: {pool}", f"is no pool of {stack.place}", f"Correct the name; {known(pool, pools, 'pools')}")
        documents.expect(hosts, list, path, f"the list of {pool}")
        stack.members[pool] = [documents.expect(host, dict, path, f"{pool}[{number}]") for number, host in enumerate(hosts)]


def pool_names(address: str, kind: str, attributes: dict[str, Any]) -> list[str]:
    """What members may call the pool: its address, and its name in the cloud."""
    found = (paths.resolve(attributes, paths.parse(path)) for path in host_types.POOLS[kind].name)
    return [address, *(name for name in found if isinstance(name, str))]
