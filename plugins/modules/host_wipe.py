#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove a component from a host, by its receipts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_wipe
short_description: Remove a component from a host, and nothing else
version_added: "0.1.0"
description:
  - Removes what the receipts of the component on this host list (C(/var/lib/keelson/receipts/<component>.json)), files, links,
    directories, units, accounts, kernel parameters, network interfaces, nft tables, chains of iptables and container images.
    On a host without receipts of the component it does nothing.
  - What was there before comes back - files and links as they were, kernel parameters with their values, units running or not.
  - A thing that another component placed too stays until that one is removed.
  - A file that somebody changed since, a directory with files of others, and data that were there before the component came
    stay and are named in RV(kept).
  - Nothing is deleted through a mount. What agents mount for their applications is unmounted first; where a volume or a file
    system of the network is mounted below, the module fails before it changes anything.
author: keelson.cluster contributors (@keelson-cluster)
options:
  component:
    description: The component, such as the engine of the cluster.
    type: str
    required: true
  agents:
    description: Units that are stopped with all the processes they started, before anything else.
    type: list
    elements: str
    default: []
  label:
    description: Label of the Docker containers that the component made, empty where it makes none.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
  diff_mode:
    support: none
    description: The result lists what was removed.
"""

EXAMPLES = r"""
- name: Remove Nomad with all its applications
  keelson.cluster.host_wipe:
    component: nomad
    agents: [nomad.service]
    label: com.hashicorp.nomad.alloc_id
"""

RETURN = r"""
removed:
  description: What was, or in check mode would be, removed or set back.
  type: list
  elements: str
  returned: always
kept:
  description: What was left, and why.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files, network, settings, trees, wipe
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts

ERRORS = (OSError, wipe.WipeError, trees.TreeError, network.NetworkError, settings.SettingError, files.FileError)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "agents": {"type": "list", "elements": "str", "default": []},
            "label": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    component = module.params["component"]
    try:
        receipts = Receipts(component)
        removal = wipe.Wipe(receipts, module.params["agents"], module.params["label"])
        planned = removal.plan()
        removal.refuse()
        if receipts.things and not module.check_mode:
            removal.carry_out()
    except ERRORS as error:
        module.fail_json(msg=f"{component} cannot be removed from this host: {error}")
    for line in removal.kept:
        module.warn(f"kept {line}")
    removed = planned if module.check_mode else removal.removed
    module.exit_json(changed=bool(receipts.things), removed=removed, kept=removal.kept)


if __name__ == "__main__":
    main()
