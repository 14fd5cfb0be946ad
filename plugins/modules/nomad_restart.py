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
  - With O(versions) and O(files), the agent is restarted with these. When it is not well with them, the old ones are put back.
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
  versions:
    description: Versions of artifacts, by name, that lie on the manager and are to be used from now on.
    type: dict
    default: {}
  files:
    default: []
  timeout:
    description: Seconds to wait for health, before and after.
    type: int
    default: 90
extends_documentation_fragment:
  - keelson.cluster.files
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
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import InstallError
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import previous, switch
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import servers
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "required": True},
            "versions": {"type": "dict", "default": {}},
            "files": {"type": "list", "elements": "dict", "default": [], "options": host_files.SPEC},
            "timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, stepped_down=False)
    address: str = module.params["address"]
    timeout: int = module.params["timeout"]
    unit = service_units.Unit("nomad.service", timeout=timeout)
    try:
        links = switch.due(module.params["versions"])
        api = Api.from_env(module.params["cluster"])
        reason = servers.wait_dispensable(api, address, timeout)
        if reason:
            module.fail_json(
                msg=f"The manager {address} was not restarted, for the cluster might lose its quorum: "
                f"{reason}. Bring the others back first, then run again."
            )
        stepped_down = servers.step_down(api, address, timeout)
        if links:
            previous.begin()
            previous.keep([*links, *(entry["path"] for entry in module.params["files"])], [unit.name])
            host_files.ensure_all(module.params["files"], False, [], Receipts("nomad"))
            switch.switch(links)
        fault = service_units.carry_out(unit, "daemon-reload") if links else None
        fault = fault or (service_units.restart(unit) if links else service_units.carry_out(unit, "restart"))
        reason = fault or servers.wait_healthy(api, module.params["addresses"], timeout)
    except (InstallError, host_files.FileError) as error:
        module.fail_json(msg=str(error))
    except ApiError as error:
        reason, stepped_down = str(error), False
    if reason and links:
        left = "; ".join(previous.restore()) or servers.wait_healthy(api, module.params["addresses"], timeout)
        now = (
            f"Putting the old version back did not help: {left}" if left else "It has its old version back and is well"
        )
        module.fail_json(
            msg=f"The manager {address} is not well with the new version: {reason}. {now}. Others were left alone."
        )
    if reason:
        module.fail_json(msg=f"The manager {address} did not come back: {reason}. The other managers were left alone.")
    module.exit_json(changed=True, stepped_down=stepped_down)


if __name__ == "__main__":
    main()
