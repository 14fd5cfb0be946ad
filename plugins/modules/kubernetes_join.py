#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Join a host to a Kubernetes cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_join
short_description: Join this host to a Kubernetes cluster
version_added: "0.1.0"
description:
  - Runs C(kubeadm join) unless this host is a member. What a join that was cut off has left is taken back first.
  - The only CA that is trusted is the one in O(discovery), which comes over the connection to this host.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  part:
    description: Part of this host.
    type: str
    choices: [manager, node]
    required: true
  name:
    description: Name of the node.
    type: str
    required: true
  address:
    description: Address of this host.
    type: str
    required: true
  config:
    description: The JoinConfiguration of kubeadm, but for its C(discovery).
    type: dict
    required: true
  discovery:
    description: Kubeconfig of the endpoint with the token of this run, as M(keelson.cluster.kubernetes_token) returns it.
    type: dict
    default: {}
  ignore:
    description: Checks of kubeadm that only warn.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for a manager's API server when kubeadm has ended.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says whether the host would be joined.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Join the host node
  keelson.cluster.kubernetes_join:
    cluster: product
    part: node
    name: web-0
    address: 10.0.2.11
    config: {nodeRegistration: {name: web-0}}
    discovery: "{{ token.discovery }}"
  no_log: true
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import kubeadm, membership


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "part": {"type": "str", "choices": ["manager", "node"], "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "config": {"type": "dict", "required": True},
            "discovery": {"type": "dict", "default": {}, "no_log": True},
            "ignore": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    cluster, part, name, address = params["cluster"], params["part"], params["name"], params["address"]
    state = kubeadm.state(cluster, part)
    if state == membership.JOINED:
        module.exit_json(changed=False)
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        if part == MANAGER and state == membership.INCOMPLETE and kubeadm.joined(cluster, name, address):
            kubeadm.note_joined(cluster)
            module.exit_json(changed=True)
        kubeadm.join(cluster, part, address, params["config"], params["discovery"], params["ignore"], params["timeout"])
    except (kubeadm.KubeadmError, OSError) as error:
        module.fail_json(msg=f"{name} was not joined to {cluster}: {error}. Run again when that is fixed.")
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
