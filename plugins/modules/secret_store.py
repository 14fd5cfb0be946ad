#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read or write the cluster's secrets on one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_store
short_description: Read or write the cluster's secrets on a manager
version_added: "0.1.0"
description:
  - A cluster keeps its own secrets (the CA, the gossip key, the first token) on its managers, in numbered generations
    below C(/etc/keelson/<cluster>/secrets), readable by root only and written atomically. Other secrets under a number that
      is given already are refused.
  - Use C(no_log) on every task with this module, for what it returns is secret.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  generation:
    description: Number of the generation to write. Without it the module only reads.
    type: int
  payload:
    description: The secrets of that generation.
    type: dict
attributes:
  check_mode:
    support: full
    description: Says whether the generation would be written.
  diff_mode:
    support: none
    description: Secrets are never shown.
"""

EXAMPLES = r"""
- name: Read what a manager holds
  keelson.cluster.secret_store:
    cluster: product
  register: store
  no_log: true
"""

RETURN = r"""
generation:
  description: Number of the newest complete generation, 0 when there is none.
  type: int
  returned: always
digest:
  description: Its digest.
  type: str
  returned: always
payload:
  description: Its secrets.
  type: dict
  returned: always
latest:
  description: Number of the newest generation, complete or not, 0 when there is none.
  type: int
  returned: always
broken:
  description: What is wrong with newer generations that are not complete.
  type: list
  elements: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import secret_store


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "generation": {"type": "int"},
            "payload": {"type": "dict", "no_log": True},
        },
        required_together=[("generation", "payload")],
        supports_check_mode=True,
    )
    cluster: str = module.params["cluster"]
    number: int | None = module.params["generation"]
    changed = False
    try:
        held, broken = secret_store.read_newest(cluster)
        if number is not None:
            payload: dict[str, Any] = module.params["payload"]
            desired = secret_store.Generation(number, secret_store.digest_of(number, payload), payload)
            changed = held != desired
            if changed and not module.check_mode:
                secret_store.write(cluster, desired)
            held = desired
    except (OSError, secret_store.StoreError) as error:
        module.fail_json(msg=f"The secrets of {cluster} cannot be kept here: {error}")
    module.exit_json(
        changed=changed,
        generation=held.number if held else 0,
        digest=held.digest if held else "",
        payload=held.payload if held else {},
        broken=broken,
        latest=secret_store.latest(cluster),
    )


if __name__ == "__main__":
    main()
