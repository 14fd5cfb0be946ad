#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the sidecars of a host to the desired state; the action of the same name renders them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_sidecars
short_description: Run Envoy beside the services of a host
version_added: "0.1.0"
description:
  - The action renders the configuration of each sidecar of the host from C(mesh_services), C(mesh_identity) and C(mesh_telemetry).
  - Envoy judges a changed configuration before it is put into place (C(--mode validate)). It is renamed into place, and the
    module waits until the sidecar uses it; where the sidecar rejects it, the old files come back and the module fails.
  - Leaf certificates that are due are fetched from the issuer on a manager. Sidecars that are described no more are removed.
author: keelson.cluster contributors (@keelson-cluster)
options:
  files:
    default: []
  units:
    default: []
  sidecars:
    description: Set by the action, the files of each sidecar by its name.
    type: dict
    default: {}
extends_documentation_fragment:
  - keelson.cluster.files
  - keelson.cluster.owner
  - keelson.cluster.units
attributes:
  check_mode:
    support: full
    description: Says which files would change; Envoy judges them in check mode too.
  diff_mode:
    support: full
    description: Shows each file before and after; certificates are not among them.
"""

EXAMPLES = r"""
- name: Run the sidecars
  keelson.cluster.mesh_sidecars:
    component: mesh_envoy
    files: "{{ files_of_all }}"
    units: [{name: keelson-mesh-renew.timer}]
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
renewed:
  description: Sidecars that got a leaf certificate.
  type: list
  elements: str
  returned: success
seconds:
  description: Seconds from the first renamed file until all sidecars used theirs.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import settings, trees, units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.host import SidecarError
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import sidecars

ERRORS = (OSError, SidecarError, host_files.FileError, settings.SettingError, trees.TreeError)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "dict", "default": [], "options": host_files.SPEC},
            "units": {"type": "list", "elements": "dict", "default": [], "options": units.SPEC},
            "sidecars": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    desired = sidecars.Desired(given["files"], [units.Unit(**unit) for unit in given["units"]], given["sidecars"])
    try:
        done = sidecars.apply(desired, module.check_mode, Receipts(given["component"]))
    except ERRORS as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=done.changed,
        changed_paths=done.outcome.paths,
        actions=done.outcome.actions,
        removed=done.removed,
        renewed=done.renewed,
        seconds=done.seconds,
        diff=[change.diff for change in done.outcome.changes],
    )


if __name__ == "__main__":
    main()
