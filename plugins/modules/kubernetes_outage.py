#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill a host node, and bring it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_outage
short_description: Kill Kubernetes and its pods on a host, and bring it back
version_added: "0.1.0"
description:
  - A drill. With O(state=down) kills the kubelet, containerd and every process of a pod, without warning, and keeps the
    units from starting. A timer of the host brings them back after O(watchdog) seconds even when nobody asks for it
    any more.
  - With O(state=up) ends the drill; does nothing where there is none.
author: keelson.cluster contributors (@keelson-cluster)
options:
  state:
    description: What to do.
    type: str
    choices: [down, up]
    required: true
  watchdog:
    description: Seconds after which the host brings them back by itself.
    type: int
    default: 120
  timeout:
    description: Seconds to wait for each unit when they are brought back.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Does nothing and says whether it would.
  diff_mode:
    support: none
    description: There is nothing to compare.
"""

EXAMPLES = r"""
- name: Kill the host node
  keelson.cluster.kubernetes_outage:
    state: down

- name: Bring it back
  keelson.cluster.kubernetes_outage:
    state: up
"""

RETURN = r"""
killed:
  description: Number of processes that were killed; containers die with them, so their number is 0.
  returned: when O(state=down)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import (
    ARGUMENTS,
    Outage,
    OutageError,
    perform,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.outage import OUTAGE_SCOPE


def main() -> None:
    """Do what the state asks."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    outage = Outage(lambda command, check: module.run_command(command, check_rc=check), OUTAGE_SCOPE)
    try:
        module.exit_json(**perform(module.params, outage, module.check_mode))
    except OutageError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
