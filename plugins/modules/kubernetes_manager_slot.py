#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make sure that a Kubernetes cluster can take one more manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_manager_slot
short_description: Make sure that a Kubernetes cluster can take one more manager
version_added: "0.1.0"
description:
  - Runs on a live manager before another joins. Removes the etcd member that an earlier try of that manager, cut off
    halfway, has left, and waits until all other members are healthy and this manager's API server is ready.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  name:
    description: Name of the manager that is to join.
    type: str
    required: true
  address:
    description: Address of the manager that is to join.
    type: str
    required: true
  acting_manager:
    description: Address of this manager.
    type: str
    required: true
  timeout:
    description: Seconds to wait for health.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says which members would be removed, and waits for nothing.
  diff_mode:
    support: none
    description: The result lists what was removed.
"""

EXAMPLES = r"""
- name: Await health before the next manager joins
  keelson.cluster.kubernetes_manager_slot:
    cluster: product
    name: manager-2
    address: 10.0.1.12
    acting_manager: 10.0.1.11
"""

RETURN = r"""
removed:
  description: Numbers of the etcd members that were, or in check mode would be, removed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import no_quorum
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import etcd, kubeadm

PATIENCE = 15  # seconds in which a manager that is a member already answers


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "acting_manager": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    cluster, name, address, timeout = (module.params[key] for key in ("cluster", "name", "address", "timeout"))
    try:
        # One that was cut off when all was done is whole, and so is its etcd member.
        known = etcd.members()
        left = etcd.half_made(known, address)
        patience = PATIENCE if any(member.started for member in left) and not module.check_mode else 0
        left = [] if kubeadm.is_manager(cluster, name, address, patience) else left
        well = etcd.healthy() if left else set()
        lost = no_quorum(
            {member.name or member.address: member.address in well for member in known if member not in left}
        )
        if left and lost:
            module.fail_json(
                msg=f"What an earlier try of {name} has left in etcd stays, and it was not joined: {lost}."
            )
        if not module.check_mode:
            for member in left:
                etcd.remove(member)
    except (etcd.EtcdError, OSError) as error:
        if module.check_mode:
            module.exit_json(changed=False, removed=[])
        module.fail_json(msg=f"{error}. No manager was joined; look at etcd's log (crictl logs) on the managers.")
    if not module.check_mode:
        fault = kubeadm.await_ready(module.params["acting_manager"], timeout) or etcd.await_health(timeout)
        if fault:
            module.fail_json(
                msg=f"{address} was not joined, the managers are not healthy: {fault}. Correct that first; where a manager is "
                f"dead for good, take it out of the stack and run with -e cluster_remove_orphans=true."
            )
    module.exit_json(changed=bool(left), removed=[member.number for member in left])


if __name__ == "__main__":
    main()
