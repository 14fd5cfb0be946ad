#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Introduce host nodes to the managers of a Nomad cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_introductions
short_description: Introduce host nodes to the managers of a Nomad cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. Managers may ask a host node for an introduction when they see it for the first time, see
    O(keelson.cluster.cluster_manager#role:main:cluster_manager_nomad_client_introduction). This module returns one for each of
    O(nodes) that they do not see as live, good for its name and pool and half an hour.
  - Nothing is kept. Use C(no_log), for what it returns is secret.
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
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode. Where there is no cluster yet, nobody is introduced.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Introduce a host node
  keelson.cluster.nomad_introductions:
    cluster: product
    nodes: [{name: web-0, address: 10.0.2.11, pool: web}]
  register: introduced
  no_log: true
"""

RETURN = r"""
unknown:
  description: Names of the host nodes that managers do not see as live.
  type: list
  elements: str
  returned: success
files:
  description: For each host node that needs it, by name, the files that introduce it, as M(keelson.cluster.config_files) takes them.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import introduction
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "nodes": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    cluster = module.params["cluster"]
    try:
        api = Api.from_env(cluster)
        new = introduction.unknown(api, module.params["nodes"])
        files = {node["name"]: introduction.files(introduction.issue(api, node["name"], node["pool"])) for node in new}
    except ApiError as error:
        if module.check_mode:  # the cluster is still to be made
            module.exit_json(changed=False, unknown=[], files={})
        module.fail_json(msg=f"The API of {cluster} fails: {error}")
    told = {name: found for name, found in files.items() if found}
    module.exit_json(changed=False, unknown=sorted(files), files=told)


if __name__ == "__main__":
    main()
