#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put Consul's servers on the state of a backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_consul_restore
short_description: Put Consul's servers on the state of a backup
version_added: "0.1.0"
description:
  - Runs on every manager while a cluster is restored. The one where the files of the backup lie has Consul's servers load the snapshot
    among them; on the others it does nothing.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Says whether a snapshot would be loaded.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Load the snapshot
  keelson.cluster.mesh_consul_restore:
    cluster: product
"""

RETURN = r""" # """

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.backup.restoring import PLACE
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import backup
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.api import ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"cluster": {"type": "str", "required": True}}, supports_check_mode=True)
    cluster = module.params["cluster"]
    folder = os.path.join(PLACE.format(cluster=cluster), "mesh_consul")
    found = os.path.exists(os.path.join(folder, backup.SNAPSHOT))
    try:
        if found and not module.check_mode:
            backup.load(cluster, folder)
    except (ApiError, OSError) as error:
        module.fail_json(msg=f"Consul does not take the snapshot in {folder}: {error}; run the restore playbook again")
    module.exit_json(changed=found)


if __name__ == "__main__":
    main()
