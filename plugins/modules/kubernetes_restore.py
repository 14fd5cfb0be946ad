#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a Kubernetes manager on the state of a backup before kubeadm is called."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_restore
short_description: Put a Kubernetes manager on the state of a backup
version_added: "0.1.0"
description:
  - Runs on every manager of a cluster that was restored, before kubeadm is called. Takes a node of before the restore down and
    moves its data of etcd aside, and loads the snapshot where M(keelson.cluster.cluster_restore) has laid it.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  restore:
    description: Id of the cluster's newest restore, from its secrets.
    type: str
    required: true
  name:
    description: Name of this manager.
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
attributes:
  check_mode:
    support: full
    description: Says whether this manager would be put on the state of the backup.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Load the backup
  keelson.cluster.kubernetes_restore:
    cluster: product
    restore: "{{ secrets.payload.restore.id }}"
    name: manager-1
    address: 10.0.1.11
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.backup.restoring import PLACE, pending
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.restore import ASIDE, FAULTS, Restore


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "restore": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "ignore": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    cluster: str = given["cluster"]
    folder = PLACE.format(cluster=cluster) if pending(cluster) == given["restore"] else ""
    restore = Restore(given["restore"], cluster, given["name"], given["address"], folder)
    done = restore.done()
    if not done and not module.check_mode:
        try:
            restore.make(given["ignore"])
        except FAULTS as error:
            module.fail_json(
                msg=f"The manager {given['name']} cannot be put on the state of the backup: {' '.join(str(error).split())}. "
                f"What etcd had is in its place or in {ASIDE}; run the restore playbook again with the same backup."
            )
    module.exit_json(changed=not done)


if __name__ == "__main__":
    main()
