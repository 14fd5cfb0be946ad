#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have all that lies encrypted in etcd encrypted by the key in use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_encryption
short_description: Encrypt what lies in etcd by the key in use
version_added: "0.1.0"
description:
  - Runs on a manager, when all API servers use the same key. Reads in etcd by which key each object of the encrypted resources is
    encrypted, has the API server write those of other keys anew, and reads etcd again, until none of other keys is left.
  - Objects are not changed. One that somebody else changes at the same time keeps that change.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Says how many objects would be written.
  diff_mode:
    support: none
    description: The objects stay as they are.
"""

EXAMPLES = r"""
- name: Encrypt all objects by the key in use
  keelson.cluster.kubernetes_encryption:
    cluster: product
"""

RETURN = r"""
written:
  description: Number of objects that were, or in check mode would be, encrypted by the key in use.
  type: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import encryption
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"cluster": {"type": "str", "required": True}}, supports_check_mode=True)
    cluster, faults = module.params["cluster"], list[str]()
    try:
        if module.check_mode:
            written = sum(1 for _key in encryption.others())
        else:
            written, faults = encryption.rewrite_all(Api.from_env(cluster))
    except (ApiError, OSError, ValueError) as error:
        module.fail_json(msg=f"It cannot be seen by which key the objects of {cluster} are encrypted: {error}")
    if faults:
        module.fail_json(
            msg=f"{len(faults)} of {written} objects of {cluster} are not encrypted by the key in use: {'; '.join(faults[:3])}. "
            "The key before stays accepted. Correct that, then run the same again."
        )
    module.exit_json(changed=written > 0, written=written)


if __name__ == "__main__":
    main()
