#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the nodes of a Kubernetes cluster to take work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_nodes
short_description: Give nodes their certificates, labels and taints, and await them
version_added: "0.1.0"
description:
  - Runs on a live manager. Approves the serving certificates that kubelets ask for, but only where user, groups, names and
    addresses are the inventory's; sets labels and taints; waits until all of O(nodes) are ready.
  - Run it again, as the install playbook does, and certificates that kubelets renew are approved the same way.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  nodes:
    description: The nodes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
      labels:
        description: Its labels. One of ours that is no longer listed is removed.
        type: dict
        default: {}
      taints:
        description: Its taints, each with C(key), C(effect) and perhaps C(value).
        type: list
        elements: dict
        default: []
  addresses:
    description: Address of every host of the inventory by its name; nobody else's certificate is approved.
    type: dict
    required: true
  system:
    description: >-
      Names of Deployments and DaemonSets in C(kube-system) that must run as well, the latter on all of O(nodes). One that the
      cluster does not have is not waited for.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for all of them.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Says what would be approved and set, and waits for nothing.
  diff_mode:
    support: none
    description: The result lists what was changed.
"""

EXAMPLES = r"""
- name: Await a host node
  keelson.cluster.kubernetes_nodes:
    cluster: product
    nodes: [{name: web-0, address: 10.0.2.11, labels: {tier: web}}]
    addresses: {web-0: 10.0.2.11}
"""

RETURN = r"""
changes:
  description: What was changed.
  type: list
  elements: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import nodes
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError

NODE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "taints": {"type": "list", "elements": "dict", "default": []},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "nodes": {"type": "list", "elements": "dict", "required": True, "options": NODE},
            "addresses": {"type": "dict", "required": True},
            "system": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    params = module.params
    desired = [nodes.desired(entry) for entry in params["nodes"]]
    try:
        api = Api.from_env(params["cluster"])
        if module.check_mode:
            module.exit_json(**predict(api, desired, params["addresses"]))
        how = (params["addresses"], params["timeout"], params["system"])
        changes, faults = nodes.ensure(api, desired, *how)
    except ApiError as error:
        if module.check_mode:
            module.exit_json(changed=True, changes=[])
        module.fail_json(msg=f"The API of {params['cluster']} fails: {error}")
    if faults:
        module.fail_json(msg=f"After {params['timeout']} s: {'; '.join(faults)}. See 'journalctl -u kubelet' there.")
    module.exit_json(changed=bool(changes), changes=changes)


def predict(api: Api, desired: list[nodes.Desired], addresses: dict[str, str]) -> dict[str, Any]:
    """What would change on the nodes that are there."""
    changes = nodes.foresee(api, desired, addresses)
    return {"changed": bool(changes), "changes": changes}


if __name__ == "__main__":
    main()
