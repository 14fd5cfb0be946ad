#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill the host node that runs most of the sample application, or bring it back. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_outage
short_description: Kill what the components run on the host node with most of the sample application, or bring it back
version_added: "0.1.0"
description:
  - A drill. With O(state=down) kills what the components of the host run there, without warning, and keeps the units from
    starting. A timer of the host brings them back after O(watchdog) seconds even when nobody asks for it any more.
  - With O(state=up) ends the drill; does nothing where there is none.
author: keelson.cluster contributors (@keelson-cluster)
options:
  state:
    description: V(down) kills, V(up) brings back.
    type: str
    choices: [down, up]
    required: true
  watchdog:
    description: Seconds after which the host brings itself back when nobody else does.
    type: int
    default: 120
  timeout:
    description: Seconds to wait for each unit when it is brought back.
    type: int
    default: 60
  scope:
    description:
      - What is killed, as C(units) of systemd and C(groups), names of control groups, and what is cleared then, C(stopped), units
        that are stopped, and C(containers), filters of C(docker ps).
      - The action of this name takes it from what the host's components declare.
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: Does nothing and says whether it would.
  diff_mode:
    support: none
    description: There is nothing to compare.
"""

EXAMPLES = r"""
- name: Kill a host node
  keelson.cluster.cluster_outage:
    state: down
"""

RETURN = r"""
killed:
  description: Numbers of processes and containers that were killed.
  returned: when O(state=down)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import (
    ARGUMENTS,
    Outage,
    OutageError,
    OutageScope,
    perform,
)


def main() -> None:
    """Do what the state asks."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    scope = OutageScope.read(module.params["scope"])
    outage = Outage(lambda command, check: module.run_command(command, check_rc=check), scope)
    try:
        module.exit_json(**perform(module.params, outage, module.check_mode))
    except OutageError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
