#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Await one host node of a Nomad cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_node
short_description: Await a host node of a Nomad cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. Waits until a host node takes work in its pool.
author: keelson.cluster contributors
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  name:
    description: Name of the host node.
    type: str
    required: true
  address:
    description: Address of the host node.
    type: str
    required: true
  pool:
    description: Pool the host node belongs to.
    type: str
    required: true
  drivers:
    description: Task drivers that must be healthy on it.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Waits for nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Wait for a host node
  keelson.cluster.nomad_node:
    cluster: product
    name: web-0
    address: 10.0.2.11
    pool: web
    drivers: [docker, exec]
"""

RETURN = r"""
node_id:
  description: Nomad's identifier of the node, empty when there is none.
  type: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import nodes
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "pool": {"type": "str", "required": True},
            "drivers": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    params = module.params
    if module.check_mode:
        module.exit_json(changed=False, node_id="")
    try:
        api = Api.from_env(params["cluster"])
        reason = nodes.wait_ready(
            api, params["name"], params["address"], params["pool"], params["drivers"], params["timeout"]
        )
        if reason:
            module.fail_json(msg=f"After {params['timeout']} s {reason}. See 'journalctl -u nomad' on it.")
        node = nodes.find_node(nodes.list_nodes(api), params["name"], params["address"])
    except ApiError as error:
        module.fail_json(msg=f"The API of {params['cluster']} fails: {error}")
    module.exit_json(changed=False, node_id=node.node_id if node else "")


if __name__ == "__main__":
    main()
