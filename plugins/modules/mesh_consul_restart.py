#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restart the Consul server of one manager without losing the quorum."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_consul_restart
short_description: Restart one Consul server, gated on the health of all
version_added: "0.1.0"
description:
  - Runs on the manager whose server is restarted. Waits until the others keep the quorum without it, hands the leadership over if it
    leads, restarts the agent and waits until all servers are healthy voters again.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  address:
    description: Address of the manager.
    type: str
    required: true
  addresses:
    description: Addresses of all managers.
    type: list
    elements: str
    required: true
  versions:
    description: Versions of artifacts, by name, to use from now on; the old ones are put back where the server is not well with them.
    type: dict
    default: {}
  files:
    default: []
  timeout:
    description: Seconds to wait for health, before and after.
    type: int
    default: 90
extends_documentation_fragment:
  - keelson.cluster.files
attributes:
  check_mode:
    support: full
    description: Says that the server would be restarted.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Restart this server
  keelson.cluster.mesh_consul_restart:
    cluster: product
    address: 10.0.1.11
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
"""

RETURN = r"""
stepped_down:
  description: Whether the leadership was handed over first.
  type: bool
  returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.modules import restart


def main() -> None:
    """Run the module."""
    restart.main("mesh_consul", "consul.service", Api)


if __name__ == "__main__":
    main()
