#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a Kubernetes cluster on its first manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_init
short_description: Make a Kubernetes cluster on this manager
version_added: "0.1.0"
description:
  - Runs C(kubeadm init) with the configuration in C(/etc/kubernetes/kubeadm.yaml), unless the cluster is there. One that
    was cut off goes on where it was. The token and the C(super-admin.conf) it makes are removed.
  - The caller decides, from what all managers say, that this manager is the one to make the cluster.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  address:
    description: Address of this manager.
    type: str
    required: true
  ignore:
    description: Checks of kubeadm that only warn.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for the API server when kubeadm has ended.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says whether the cluster would be made.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Make the cluster
  keelson.cluster.kubernetes_init:
    cluster: product
    address: 10.0.1.11
  run_once: true
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import kubeadm, membership
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "ignore": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    changed = kubeadm.state(params["cluster"], MANAGER) != membership.JOINED
    if changed and not module.check_mode:
        try:
            kubeadm.init(params["cluster"], params["address"], params["ignore"], params["timeout"])
        except (kubeadm.KubeadmError, ApiError, OSError) as error:
            module.fail_json(
                msg=f"The cluster {params['cluster']} was not made: {error}. Run again when that is fixed."
            )
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
