#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a Nomad cluster through the API of one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_checks
short_description: Check a Nomad cluster through the API of a manager
version_added: "0.1.0"
description:
  - Runs on a manager. Checks leader and raft peers as this manager knows them and, where asked, the health autopilot
    finds, the agents' versions, and that every host node is ready in its pool with healthy drivers.
  - Nomad keeps no certificates for itself; its agents use those that M(keelson.cluster.host_checks) looks at.
extends_documentation_fragment:
  - keelson.cluster.checks
  - keelson.cluster.cluster_checks
"""

EXAMPLES = r"""
- name: Look at the cluster as this manager sees it
  keelson.cluster.nomad_checks:
    cluster: product
    managers: {manager-1: 10.0.1.11, manager-2: 10.0.1.12, manager-3: 10.0.1.13}
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
from ansible_collections.keelson.cluster.plugins.module_utils.modules import checks as module
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.checks import cluster_checks, manager_checks


def checks(api: Api, given: Mapping[str, Any]) -> list[Check]:
    """What this manager knows, and, where asked, the whole cluster."""
    return manager_checks(api, given["managers"]) + (cluster_checks(api, given["nodes"]) if given["whole"] else [])


def main() -> None:
    """Run the module."""
    module.main(Api.from_env, checks)


if __name__ == "__main__":
    main()
