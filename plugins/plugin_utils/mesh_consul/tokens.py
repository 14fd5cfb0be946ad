# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of agents and sidecars: each has the rights of what it is for alone.

Consul takes the secret of a token from whoever makes it. So a token is a function of the seed among the cluster's secrets and of
what it is for: it is known before it is made, and no run makes it twice.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Iterable
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.acl import OURS

from ..mesh.model import Mesh

SECRET, ACCESSOR = "secret", "accessor"


def node_name(host: str) -> str:
    """What Consul calls a host: it knows lower-case letters, digits, - and _."""
    return re.sub(r"[^a-z0-9_-]", "-", host.lower())


def derived(seed: str, *words: str) -> str:
    """The UUID for these words, which nobody finds without the seed."""
    found = hmac.new(bytes.fromhex(seed), "\0".join(words).encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=found[:16], version=4))


def of_node(seed: str, host: str) -> str:
    """The token of the agent of a host."""
    return derived(seed, SECRET, "node", host)


def of_service(seed: str, service: str, host: str) -> str:
    """The token of a service and its sidecar on a host."""
    return derived(seed, SECRET, "service", service, host)


def tokens(mesh: Mesh, hosts: Iterable[str], seed: str, datacenter: str) -> list[dict[str, Any]]:
    """All tokens, as the API takes them."""
    agents = [
        {
            "AccessorID": derived(seed, ACCESSOR, "node", host),
            "SecretID": of_node(seed, host),
            "Description": f"{OURS}agent of {host}",
            "NodeIdentities": [{"NodeName": node_name(host), "Datacenter": datacenter}],
        }
        for host in sorted(hosts)
    ]
    services = [
        {
            "AccessorID": derived(seed, ACCESSOR, "service", service.id, instance.host),
            "SecretID": of_service(seed, service.id, instance.host),
            "Description": f"{OURS}{service.key} on {instance.host}",
            "ServiceIdentities": [{"ServiceName": service.id}],
        }
        for service in mesh.services.values()
        for instance in service.instances
    ]
    return [*agents, *services]
