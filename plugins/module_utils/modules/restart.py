# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that restart the agent of one manager without losing the quorum of raft."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from ..bundle.install import InstallError
from ..cluster import raft
from ..cluster.agent_api import AgentApi
from ..cluster.remote import ApiError
from ..host import files as host_files
from ..host import previous, switch
from ..host import units as service_units
from ..host.receipts import Receipts


def main(component: str, service: str, client: type[AgentApi]) -> None:
    """Run the module of a component, whose agent is the unit C(service) and answers C(client)."""
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
    unit = service_units.Unit(service, timeout=timeout)
    try:
        links = switch.due(module.params["versions"])
        api = client.from_env(module.params["cluster"])
        reason = raft.wait_dispensable(api, address, timeout)
        if reason:
            module.fail_json(
                msg=f"The manager {address} was not restarted, for the cluster might lose its quorum: "
                f"{reason}. Bring the others back first, then run again."
            )
        stepped_down = raft.step_down(api, address, timeout)
        if links:
            previous.begin()
            previous.keep([*links, *(entry["path"] for entry in module.params["files"])], [unit.name])
            host_files.ensure_all(module.params["files"], False, [], Receipts(component))
            switch.switch(links)
        fault = service_units.carry_out(unit, "daemon-reload") if links else None
        fault = fault or (service_units.restart(unit) if links else service_units.carry_out(unit, "restart"))
        reason = fault or raft.wait_healthy(api, module.params["addresses"], timeout)
    except (InstallError, host_files.FileError) as error:
        module.fail_json(msg=str(error))
    except ApiError as error:
        reason, stepped_down = str(error), False
    if reason and links:
        left = "; ".join(previous.restore()) or raft.wait_healthy(api, module.params["addresses"], timeout)
        now = (
            f"Putting the old version back did not help: {left}" if left else "It has its old version back and is well"
        )
        module.fail_json(
            msg=f"The manager {address} is not well with the new version: {reason}. {now}. Others were left alone."
        )
    if reason:
        module.fail_json(msg=f"The manager {address} did not come back: {reason}. The other managers were left alone.")
    module.exit_json(changed=True, stepped_down=stepped_down)
