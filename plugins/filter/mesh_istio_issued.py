# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manager is told of the mesh of Istio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio import hosts
from ansible_collections.keelson.cluster.plugins.plugin_utils.mesh_istio.mesh import mesh_of
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


def mesh_istio_issued(hostvars: Mapping[str, Mapping[str, Any]], host: str, revisions: Sequence[str]) -> dict[str, Any]:
    """The identities that each host of the mesh of `host` may have, and what runs in pods."""
    known = hostvars[host]
    cluster = str(known["cluster_name"])
    try:
        mesh = mesh_of(known, hostvars, cluster)
        return hosts.issued(mesh, components.engine(str(known["cluster_engine"])).host_subject, revisions)
    except UserError as error:
        raise AnsibleFilterError(f"The mesh of {cluster}:\n{error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"mesh_istio_issued": mesh_istio_issued}
