#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a backup of a cluster on a manager, or list those in the store."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_backup
short_description: Take or list backups of a cluster
version_added: "0.1.0"
description:
  - Runs the program that the managers' timer runs, which the component C(backup) has installed with its settings. What came of it
    is shown by M(keelson.cluster.backup_checks).
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: V(taken) takes one now, whether this manager leads or not; V(listed) reads the notes of all in the store.
    type: str
    choices: [taken, listed]
    default: taken
  older_than:
    description: With V(taken) none is taken where the newest backup is at most so many hours old.
    type: float
    default: 0
attributes:
  check_mode:
    support: full
    description: Takes none.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Take a backup
  keelson.cluster.cluster_backup:
    cluster: product
"""

RETURN = r"""
backups:
  description: The notes of the backups, the oldest first; one in check mode none.
  type: list
  elements: dict
  returned: always
lines:
  description: The same for people.
  type: list
  elements: str
  returned: always
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.backup import checks
from ansible_collections.keelson.cluster.plugins.module_utils.backup.command import BackupError, ask


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["taken", "listed"], "default": "taken"},
            "older_than": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    take, hours = module.params["state"] == "taken", module.params["older_than"]
    try:
        known = ask("status", module.params["cluster"]) if take and (hours or module.check_mode) else None
        newest = known["recorded"].get("newest") if known and hours else None
    except BackupError as error:
        module.fail_json(msg=f"The backups of {module.params['cluster']}: {error}")
    young = checks.age(newest, hours, time.time())
    if young.passed:
        module.exit_json(changed=False, backups=[], lines=[young.evidence])
    if take and module.check_mode:
        module.exit_json(changed=True, backups=[], lines=["A backup would be taken."])
    try:
        answer = ask("now" if take else "list", module.params["cluster"])
    except BackupError as error:
        module.fail_json(msg=f"The backup of {module.params['cluster']}: {error}")
    backups = [answer] if take else answer
    lines = [
        f"{note['name']}: {note['size'] / 1e6:.1f} MB, taken by {note['host']} "
        f"{time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(note['created']))}, secrets of generation {note['generation']}"
        for note in backups
    ]
    module.exit_json(changed=take, backups=backups, lines=lines or ["There is no backup in the store."])


if __name__ == "__main__":
    main()
