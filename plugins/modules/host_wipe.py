#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove what an engine leaves on a host besides files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_wipe
short_description: Remove an engine's processes, containers, mounts and interfaces from a host
version_added: "0.1.0"
description:
  - Stops the engine's agent with all the applications it runs, and removes their containers, the mounts below its data
    directory and its network interfaces, so that its files can be deleted.
author: keelson.cluster contributors (@keelson-cluster)
options:
  unit:
    description: Name of the agent's systemd unit.
    type: str
    required: true
  label:
    description: Label of the containers the engine made, empty where it makes none.
    type: str
    default: ""
  mounts_below:
    description: Directory whose mounts are unmounted.
    type: path
    required: true
  interfaces:
    description: Network interfaces the engine made.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
  diff_mode:
    support: none
    description: The result lists what was removed.
"""

EXAMPLES = r"""
- name: Stop everything the agent runs
  keelson.cluster.host_wipe:
    unit: nomad.service
    label: com.hashicorp.nomad.alloc_id
    mounts_below: /var/lib/nomad
    interfaces: [nomad]
"""

RETURN = r"""
removed:
  description: What was, or in check mode would be, removed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import wipe as host_wipe


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "label": {"type": "str", "default": ""},
            "mounts_below": {"type": "path", "required": True},
            "interfaces": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        remains = host_wipe.find(params["unit"], params["label"], params["mounts_below"], params["interfaces"])
        removed = remains.words()
        if removed and not module.check_mode:
            host_wipe.wipe(params["unit"], remains)
            # Stopping the applications may have left more mounts than it took away.
            again = host_wipe.find(params["unit"], params["label"], params["mounts_below"], params["interfaces"])
            host_wipe.wipe(params["unit"], again)
    except (OSError, host_wipe.WipeError) as error:
        module.fail_json(msg=f"{params['unit']} cannot be removed: {error}")
    module.exit_json(changed=bool(removed), removed=removed)


if __name__ == "__main__":
    main()
