#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check on a manager that the backups of its cluster are young, and that the last one went well."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_checks
short_description: Check the backups of a cluster
version_added: "0.1.0"
description:
  - Runs on a manager, and asks what the managers have recorded of their backups.
options:
  cluster:
    description: The cluster's name, which names its directory in C(/etc/keelson).
    type: str
    required: true
  managers:
    description: The managers' addresses by their names; not used here.
    type: dict
    default: {}
  nodes:
    description: The host nodes; not used here.
    type: list
    elements: dict
    default: []
  whole:
    description: Whether this manager answers for the cluster; without it nothing is checked.
    type: bool
    default: true
  days:
    description: Not used here.
    type: float
    default: 14
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Look at the backups
  keelson.cluster.backup_checks:
    cluster: product
  register: verify_cluster
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.backup import checks
from ansible_collections.keelson.cluster.plugins.module_utils.backup.command import BackupError, ask
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import failure


def main() -> None:
    """Ask and return."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "managers": {"type": "dict", "default": {}},
            "nodes": {"type": "list", "elements": "dict", "default": []},
            "whole": {"type": "bool", "default": True},
            "days": {"type": "float", "default": 14},
        },
        supports_check_mode=True,
    )
    if not module.params["whole"]:
        module.exit_json(changed=False, checks=[])
    try:
        found = checks.judge(ask("status", module.params["cluster"]), time.time())
    except BackupError as error:
        found = [failure("backup_last", "The last backup went well", str(error), "run the install playbook")]
    module.exit_json(changed=False, checks=found)


if __name__ == "__main__":
    main()
