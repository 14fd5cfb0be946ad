#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a Nomad manager on the state of a backup before its agent starts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_restore
short_description: Put a Nomad manager on the state of a backup
version_added: "0.1.0"
description:
  - Runs on every manager of a cluster that was restored, before its agent starts. Moves a data directory from before the restore
    aside, and loads the snapshot where M(keelson.cluster.cluster_restore) has laid it.
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
  timeout:
    description: Seconds until the temporary server must answer.
    type: int
    default: 60
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
  keelson.cluster.nomad_restore:
    cluster: product
    restore: "{{ secrets.payload.restore.id }}"
    name: manager-1
    address: 10.0.1.11
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.backup.restoring import PLACE, pending
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.restore import FAULTS, Restore


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "restore": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 60},
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
            restore.make(given["timeout"])
        except FAULTS as error:
            module.fail_json(
                msg=f"The manager {given['name']} cannot be put on the state of the backup: {' '.join(str(error).split())}. "
                "What it had is still in its place; run the restore playbook again with the same backup."
            )
    module.exit_json(changed=not done)


if __name__ == "__main__":
    main()
