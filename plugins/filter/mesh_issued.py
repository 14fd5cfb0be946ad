# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the issuer of a mesh is told of its hosts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh import inventory
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_envoy import hosts
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


def mesh_issued(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> dict[str, Any]:
    """The identities that each host of the mesh of `host` may have."""
    known = hostvars[host]
    engine = components.engine(str(known["cluster_engine"]))
    with _told(str(known["cluster_name"])) as cluster:
        return hosts.issued(inventory.mesh_of(known, hostvars, cluster, "mesh_envoy"), engine.host_subject)


def mesh_interval(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> str:
    """How often hosts of the mesh look whether a leaf certificate is due."""
    with _told(str(hostvars[host]["cluster_name"])) as cluster:
        return hosts.interval(inventory.without_services(hostvars[host], cluster))


@contextlib.contextmanager
def _told(cluster: str) -> Iterator[str]:
    """Tell what is wrong with the mesh of a cluster, whose name it gives, as filters do."""
    try:
        yield cluster
    except UserError as error:
        raise AnsibleFilterError(f"The mesh of {cluster}:\n{error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"mesh_issued": mesh_issued, "mesh_interval": mesh_interval}
