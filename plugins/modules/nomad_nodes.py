#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Await host nodes of a Nomad cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_nodes
short_description: Await host nodes of a Nomad cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. Waits until all the host nodes take work in their pools.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  nodes:
    description: The host nodes, each with C(name), C(address) and C(pool).
    type: list
    elements: dict
    required: true
  drivers:
    description: Task drivers that must be healthy on each of them.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for all of them.
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
  keelson.cluster.nomad_nodes:
    cluster: product
    nodes: [{name: web-0, address: 10.0.2.11, pool: web}]
    drivers: [docker, exec]
"""

RETURN = r"""
ready:
  description: Names of the host nodes that take work.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import nodes
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "nodes": {"type": "list", "elements": "dict", "required": True},
            "drivers": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    params = module.params
    if module.check_mode:
        module.exit_json(changed=False, ready=[])
    try:
        desired = [nodes.Desired(entry["name"], entry["address"], entry["pool"]) for entry in params["nodes"]]
        reason = nodes.wait_ready(Api.from_env(params["cluster"]), desired, params["drivers"], params["timeout"])
    except KeyError as error:
        module.fail_json(msg=f"Each of the nodes needs name, address and pool; {error} is missing.")
    except ApiError as error:
        module.fail_json(msg=f"The API of {params['cluster']} fails: {error}")
    if reason:
        module.fail_json(msg=f"After {params['timeout']} s {reason}. See 'journalctl -u nomad' there.")
    module.exit_json(changed=False, ready=[node.name for node in desired])


if __name__ == "__main__":
    main()
