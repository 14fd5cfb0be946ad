#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try to reach members of a cluster from this host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: member_probe
short_description: Try to reach members of a cluster from this host
version_added: "0.1.0"
description:
  - Connects to members again and again, and tells which of them answered at least once. Run it on all managers, so that what
    one of them cannot reach is not taken for dead. Changes nothing.
author: keelson.cluster contributors (@keelson-cluster)
options:
  members:
    description: The members, each with C(address) and C(part).
    type: list
    elements: dict
    required: true
  ports:
    description: The ports to try, by part; one that takes a connection is enough.
    type: dict
    required: true
  seconds:
    description: How long one that does not answer is tried.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Try to reach the members that are to be removed
  keelson.cluster.member_probe:
    members: [{name: manager-2, address: 10.0.1.12, part: manager}]
    ports: {manager: [4647], node: [4646]}
  register: probe
"""

RETURN = r"""
reached:
  description: Whether anything answered, by address.
  type: dict
  returned: success
  sample: {10.0.1.12: false}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import probe


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "members": {"type": "list", "elements": "dict", "required": True},
            "ports": {"type": "dict", "required": True},
            "seconds": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    try:
        ports = {entry["address"]: module.params["ports"][entry["part"]] for entry in module.params["members"]}
    except KeyError as error:
        module.fail_json(msg=f"The members need address and part, and each part its ports; {error} is missing.")
    module.exit_json(changed=False, reached=probe(ports, module.params["seconds"]))


if __name__ == "__main__":
    main()
