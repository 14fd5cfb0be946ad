# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that containers get on a host of Nomad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..contract import NODE
from ..preflight.model import families


def networks(variables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of Docker's bridge and of Nomad's, on host nodes."""
    if variables.get("cluster_part") != NODE:
        return
    docker = variables.get("host_node_docker_config") or {}
    client = (variables.get("host_node_nomad_config") or {}).get("client") or {}
    yield "host_node_docker_config.bip", str(docker.get("bip") or "172.17.0.0/16")
    six = 6 in families([str(variables.get("cluster_address") or "")], variables.get("cluster_networks"))
    if six:
        yield "host_node_docker_config.fixed-cidr-v6", str(docker.get("fixed-cidr-v6") or DOCKER_IPV6)
    name = "bridge_network_subnet"
    yield f"host_node_nomad_config.client.{name}", str(client.get(name) or "172.26.64.0/20")
    if six:
        yield f"host_node_nomad_config.client.{name}_ipv6", str(client.get(f"{name}_ipv6") or BRIDGE_IPV6)


# Where the cluster has addresses of IPv6; roles/host_node/vars/main/nomad.yml has them too.
DOCKER_IPV6, BRIDGE_IPV6 = "fd17:2a::/64", "fd26:64::/64"
