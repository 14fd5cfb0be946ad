#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find a manager that answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: live_manager
short_description: Find a manager that answers on its port
version_added: "0.1.0"
description:
  - Runs on any host of the cluster, connects to the managers in turn and returns the first that answers. No manager is
    preferred, so a cluster whose first manager is dead is joined like any other.
author: keelson.cluster contributors (@keelson-cluster)
options:
  managers:
    description: Address of each manager by its name in the inventory.
    type: dict
    required: true
  port:
    description: Port to connect to.
    type: int
    required: true
  timeout:
    description: Seconds to wait for each connection.
    type: float
    default: 2
  attempts:
    description: How often all managers are tried, a second apart.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: Names the first manager when none answers yet.
  diff_mode:
    support: none
    description: Nothing is changed.
"""

EXAMPLES = r"""
- name: Find a live manager
  keelson.cluster.live_manager:
    managers: {manager-a: 10.0.1.11, manager-b: 10.0.1.12}
    port: 4646
  register: live
"""

RETURN = r"""
manager:
  description: Name of a manager that answers.
  type: str
  returned: always
dead:
  description: Managers that were tried before it and did not answer.
  type: list
  elements: str
  returned: always
"""

import socket
import time

from ansible.module_utils.basic import AnsibleModule


def answers(address: str, port: int, timeout: float) -> bool:
    """Whether something accepts a connection there in C(timeout) seconds."""
    try:
        with socket.create_connection((address, port), timeout):
            return True
    except OSError:
        return False


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "managers": {"type": "dict", "required": True},
            "port": {"type": "int", "required": True},
            "timeout": {"type": "float", "default": 2.0},
            "attempts": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    managers: dict[str, str] = module.params["managers"]
    port: int = module.params["port"]
    dead: list[str] = []
    for attempt in range(1 if module.check_mode else module.params["attempts"]):
        if attempt:
            time.sleep(1)
        dead = []
        for name, address in managers.items():
            if answers(address, port, module.params["timeout"]):
                module.exit_json(changed=False, manager=name, dead=dead)
            dead.append(name)
    if module.check_mode and managers:
        module.exit_json(changed=False, manager=next(iter(managers)), dead=dead)
    listed = ", ".join(f"{name} ({address})" for name, address in managers.items()) or "none in the inventory"
    module.fail_json(msg=f"No manager answers on port {port}: {listed}. Install or start the managers first.")


if __name__ == "__main__":
    main()
