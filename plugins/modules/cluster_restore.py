#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin or end the restore of a cluster from a backup; the action of the same name does the controller's half."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_restore
short_description: Bring a backup to the managers of a cluster
version_added: "0.1.0"
description:
  - Reads a backup on the controller, checks it, and refuses what it cannot be restored into before anything is changed. Then it
    writes the cluster's secrets on every manager as a new generation, and the backup's files on one of them, from where the role
    loads them. Use it with C(run_once), a loop over O(managers) and C(delegate_to) each of them, as the playbook C(restore) does.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  engine:
    description: Its engine.
    type: str
  managers:
    description: All managers of the cluster.
    type: list
    elements: str
    default: []
  needed:
    description: Those that must answer.
    type: list
    elements: str
    default: []
  file:
    description: Path of the backup on the controller, C(NAME.tar.age); its note C(NAME.json) lies beside it.
    type: path
    default: ""
  name:
    description: Name of the backup in the store that the variable C(cluster_backup) describes; the newest unless set.
    type: str
    default: ""
  identity:
    description: Path of the key on the controller, a file of C(age-keygen); it may be encrypted by ansible-vault.
    type: path
    default: ""
  confirm:
    description: The cluster's name, to restore into a cluster that is well.
    type: str
    default: ""
  state:
    description: V(placed) brings the backup; V(absent) removes its files when they were used. The others are the action's.
    type: str
    choices: [placed, absent, read, written, sent]
    default: placed
  generation:
    description: Set by the action, the number of the generation to write.
    type: int
  payload:
    description: Set by the action, the secrets.
    type: dict
  source:
    description: Set by the action, path of the backup's files on the manager.
    type: path
  restore:
    description: Set by the action, the id of this restore.
    type: str
attributes:
  check_mode:
    support: full
    description: Checks all that a run checks, and says which backup would be restored onto which managers, or why not.
  diff_mode:
    support: none
    description: Secrets are never shown.
"""

EXAMPLES = r"""
- name: Bring the backup
  keelson.cluster.cluster_restore:
    cluster: product
    engine: nomad
    managers: "{{ groups.product_managers }}"
    needed: "{{ ansible_play_hosts }}"
    file: backups/product-20261128T000000Z.tar.age
    identity: backup.key
  loop: "{{ groups.product_managers }}"
  delegate_to: "{{ item }}"
  run_once: true
"""

RETURN = r"""
backup:
  description: Name of the backup.
  type: str
  returned: with state placed
"on":
  description: The manager that has its files.
  type: str
  returned: with state placed
told:
  description: Which backup it is, from when, how large, and onto which managers it is restored.
  type: str
  returned: with state placed
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.backup import restoring
from ansible_collections.keelson.cluster.plugins.module_utils.backup.archive import BackupError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import secret_store


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "engine": {"type": "str"},
            "managers": {"type": "list", "elements": "str", "default": []},
            "needed": {"type": "list", "elements": "str", "default": []},
            "file": {"type": "path", "default": ""},
            "name": {"type": "str", "default": ""},
            "identity": {"type": "path", "default": ""},
            "confirm": {"type": "str", "default": ""},
            "state": {"type": "str", "default": "placed", "choices": ["placed", "absent", "read", "written", "sent"]},
            "generation": {"type": "int"},
            "payload": {"type": "dict", "no_log": True},
            "source": {"type": "path"},
            "restore": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given: dict[str, Any] = module.params
    cluster, changed = given["cluster"], not module.check_mode
    try:
        if given["state"] == "absent":
            changed = bool(restoring.pending(cluster)) if module.check_mode else restoring.clear(cluster)
        elif given["state"] == "written" and changed:
            digest = secret_store.digest_of(given["generation"], given["payload"])
            secret_store.write(cluster, secret_store.Generation(given["generation"], digest, given["payload"]))
        elif given["state"] == "sent" and changed:
            restoring.place(cluster, given["source"], given["restore"])
        elif given["state"] == "read":
            module.exit_json(changed=False, **restoring.held(cluster))
    except (OSError, BackupError, secret_store.StoreError) as error:
        module.fail_json(msg=f"The restore of {cluster}: {error}")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
