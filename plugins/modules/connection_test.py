#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try whether hosts of a cluster reach each other."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connection_test
short_description: Try whether the hosts of a cluster reach each other's ports
version_added: "0.1.0"
description:
  - Opens for a moment the ports that the cluster's components are going to open, has the other hosts connect, and closes
    them. A port that is open already, such as those of a running cluster, is used as it is.
  - A process without rights holds the ports. It ends by itself when nobody closes them.
author: keelson.cluster contributors (@keelson-cluster)
options:
  state:
    description:
      - V(opened) opens the ports, V(planned) says, once for all hosts, which host tries which ports of which others,
        V(tried) tries O(targets), V(closed) closes the ports.
    type: str
    choices: [opened, planned, tried, closed]
    required: true
  address:
    description: Address of this host; C(cluster_address) unless given.
    type: str
  ports:
    description: What is opened, each with C(port) and C(protocol); what others connect to of the host's components unless given.
    type: list
    elements: dict
  seconds:
    description: How long ports stay open when nobody closes them.
    type: int
    default: 300
  facts:
    description: With O(state=planned) the variable in which M(keelson.cluster.host_facts) was registered.
    type: str
  opened:
    description: With O(state=planned) the variable in which O(state=opened) was registered.
    type: str
  targets:
    description: What is tried, each with C(address), C(port) and C(protocol).
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    description: Does the same in any mode; nothing is left on the host.
  diff_mode:
    support: none
    description: Changes nothing.
seealso:
  - module: keelson.cluster.preflight
"""

EXAMPLES = r"""
- name: Open the ports of each part for a moment
  keelson.cluster.connection_test:
    state: opened
  register: opened
"""

RETURN = r"""
ports:
  description: By C(PORT/PROTOCOL) V(opened), or V(taken) where something listens there already.
  returned: with O(state=opened)
  type: dict
targets:
  description: What each host is to try, by its name; with O(state=tried) what was tried.
  returned: with O(state=planned) and O(state=tried)
  type: raw
unreached:
  description: What was not reached, each as in O(targets) with C(error).
  returned: with O(state=tried)
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.preflight import connections


def main() -> None:
    """Open, try or close."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["opened", "planned", "tried", "closed"], "required": True},
            "address": {"type": "str"},
            "ports": {"type": "list", "elements": "dict"},
            "seconds": {"type": "int", "default": 300},
            "facts": {"type": "str"},
            "opened": {"type": "str"},
            "targets": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    if given["state"] == "opened":
        found = connections.open_ports(given["address"], given["ports"] or [], given["seconds"])
        module.exit_json(changed=False, ports=found)
    elif given["state"] == "tried":
        wrong = connections.faults(given["targets"])
        module.exit_json(changed=False, targets=given["targets"], unreached=wrong)
    module.exit_json(changed=False, closed=connections.close_ports())


if __name__ == "__main__":
    main()
