#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restart the Nomad agent of one manager without losing the quorum."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_restart
short_description: Restart one manager of a Nomad cluster, gated on its health
version_added: "0.1.0"
description:
  - Runs on the manager to restart. Waits until the others keep the quorum without it, hands the leadership over if it
    leads, restarts the agent and waits until all managers are healthy voters again.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  address:
    description: Address of this manager.
    type: str
    required: true
  addresses:
    description: Addresses of all managers.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait for health, before and after.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Says that the agent would be restarted.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Restart this manager
  keelson.cluster.nomad_restart:
    cluster: product
    address: 10.0.1.11
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
"""

RETURN = r"""
stepped_down:
  description: Whether the leadership was handed over first.
  type: bool
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import servers
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, stepped_down=False)
    address: str = module.params["address"]
    timeout: int = module.params["timeout"]
    try:
        api = Api.from_env(module.params["cluster"])
        reason = servers.wait_dispensable(api, address, timeout)
        if reason:
            module.fail_json(
                msg=f"The manager {address} was not restarted, for the cluster might lose its quorum: "
                f"{reason}. Bring the others back first, then run again."
            )
        stepped_down = servers.step_down(api, address, timeout)
        fault = service_units.carry_out(service_units.Unit("nomad.service", timeout=timeout), "restart")
        reason = fault or servers.wait_healthy(api, module.params["addresses"], timeout)
    except ApiError as error:
        reason, stepped_down = str(error), False
    if reason:
        module.fail_json(msg=f"The manager {address} did not come back: {reason}. The other managers were left alone.")
    module.exit_json(changed=True, stepped_down=stepped_down)


if __name__ == "__main__":
    main()
