#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check Istio's control plane and the services of the mesh in pods, on one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_istio_checks
short_description: Check Istio in a Kubernetes cluster on a manager
version_added: "0.1.0"
description:
  - Runs on a manager. Where asked for the whole cluster, looks at the instances of each control plane, tries their private ports, and
    looks at the pods of the services.
extends_documentation_fragment:
  - keelson.cluster.checks
  - keelson.cluster.cluster_checks
"""

EXAMPLES = r"""
- name: Look at Istio
  keelson.cluster.mesh_istio_checks:
    cluster: product
    managers: {manager-1: 10.0.1.11}
    nodes: [{name: web-1, address: 10.0.2.11, pool: web}]
  register: verify_cluster
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import host
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import checks, places
from ansible_collections.keelson.cluster.plugins.module_utils.modules import checks as module


def asked(api: Api, given: Mapping[str, Any]) -> list[Check]:
    """What the control plane and the pods say, where asked."""
    if not given["whole"]:
        return []
    try:
        known = host(places.ISSUED.format(cluster=given["cluster"]))
        return checks.control_checks(api, known, checks.own(given["managers"].values()))
    except (OSError, ValueError, KeyError) as error:
        return [checks.missing(str(error))]


def main() -> None:
    """Run the module."""
    module.main(Api.from_env, asked)


if __name__ == "__main__":
    main()
