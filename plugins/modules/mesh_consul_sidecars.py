#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the agent and the sidecars of a host to the desired state; the action of the same name renders what they are told."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_consul_sidecars
short_description: Run Consul's agent and Envoy beside the services of a host
version_added: "0.1.0"
description:
  - The action renders the services that the agent knows, and the bootstrap of each sidecar, from C(mesh_services).
  - The module waits until the agent has the services and each sidecar listens and has rejected nothing. Sidecars that are described
    no more are removed.
  - Use C(no_log) on every task with this module.
author: keelson.cluster contributors (@keelson-cluster)
options:
  files:
    default: []
  units:
    default: []
  agent:
    description: The unit of the agent, in the form of O(units).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name with its suffix.
        type: str
        required: true
      state:
        description: V(started) leaves a running unit alone, V(fresh) restarts it when it runs on old files,
          V(stopped) stops it and leaves it enabled.
        type: str
        choices: [started, fresh, stopped]
        default: started
      inputs:
        description: The files a running unit depends on, which it wrote to C(/run/keelson/<unit>) when it started.
        type: list
        elements: path
        default: []
      reload:
        description: Files that a running unit reads again when it is reloaded, noted in C(/run/keelson/<unit>.reload).
        type: list
        elements: path
        default: []
      timeout:
        description: Seconds a start or stop may take.
        type: int
        default: 90
  seed:
    description: What tokens are made from. It is used on the controller and not sent to the host.
    type: str
  sidecars:
    description: Set by the action, the bootstrap of each sidecar by its name.
    type: dict
    default: {}
extends_documentation_fragment:
  - keelson.cluster.files
  - keelson.cluster.owner
  - keelson.cluster.units
attributes:
  check_mode:
    support: full
    description: Says which files would change.
  diff_mode:
    support: full
    description: Shows each file before and after, but for secret ones.
"""

EXAMPLES = r"""
- name: Run the sidecars
  keelson.cluster.mesh_consul_sidecars:
    component: mesh_consul
    seed: "{{ secrets.payload.mesh_consul.seed }}"
    files: "{{ files_of_the_agent }}"
    agent: [{name: consul.service, state: fresh}]
  no_log: true
"""

RETURN = r"""
changed_paths:
  description: Files that were, or in check mode would be, changed.
  type: list
  elements: str
  returned: success
actions:
  description: What was done with units, such as C(start mesh-sidecar@shop_orders.service).
  type: list
  elements: str
  returned: success
removed:
  description: Sidecars that were removed.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import settings, trees, units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.host import SidecarError
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import sidecars

ERRORS = (OSError, SidecarError, host_files.FileError, settings.SettingError, trees.TreeError)
UNITS = {"type": "list", "elements": "dict", "default": [], "options": units.SPEC}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "dict", "default": [], "options": host_files.SPEC},
            "units": UNITS,
            "agent": UNITS,
            "seed": {"type": "str", "no_log": True},
            "sidecars": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    agent, last = ([units.Unit(**unit) for unit in given[name]] for name in ("agent", "units"))
    desired = sidecars.Desired(given["files"], agent, last, given["sidecars"])
    try:
        done = sidecars.apply(desired, module.check_mode, Receipts(given["component"]))
    except ERRORS as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=done.changed,
        changed_paths=done.outcome.paths,
        actions=done.outcome.actions,
        removed=done.removed,
        diff=[change.diff for change in done.outcome.changes],
    )


if __name__ == "__main__":
    main()
