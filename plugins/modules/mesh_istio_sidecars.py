#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the sidecars of Istio on a host to the desired state; the action of the same name renders them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_istio_sidecars
short_description: Run sidecars of Istio beside the services of a host
version_added: "0.1.0"
description:
  - The action renders the environment of each sidecar of the host from C(mesh_services) and C(mesh_identity). What Envoy does, it
    hears from the control plane.
  - Tokens that are due are fetched from the issuer on a manager. A sidecar that was started or restarted is seen ready. Sidecars that
    are described no more are removed.
author: keelson.cluster contributors (@keelson-cluster)
options:
  files:
    default: []
  units:
    default: []
  first_port:
    description: First of the ports that sidecars use beside those of the services, four each. The action uses it.
    type: int
  concurrency:
    description: Worker threads of each sidecar. The action uses it.
    type: int
  revisions:
    description: Control plane by tenant, that of V('') for all others. The action uses it.
    type: dict
  sidecars:
    description: Set by the action, environment and port of each sidecar by its name.
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
    description: Shows each file before and after; tokens are not among them.
"""

EXAMPLES = r"""
- name: Run the sidecars
  keelson.cluster.mesh_istio_sidecars:
    component: mesh_istio
    first_port: 15400
    concurrency: 2
    revisions: {"": v1-31}
    files: "{{ files_of_all }}"
    units: [{name: keelson-istio-tokens.timer}]
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
  description: Sidecars that got a token.
  type: list
  elements: str
  returned: success
seconds:
  description: Seconds until all started sidecars were ready.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import settings, trees, units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.host import SidecarError
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import sidecars

ERRORS = (OSError, SidecarError, host_files.FileError, settings.SettingError, trees.TreeError)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "dict", "default": [], "options": host_files.SPEC},
            "units": {"type": "list", "elements": "dict", "default": [], "options": units.SPEC},
            "first_port": {"type": "int"},
            "concurrency": {"type": "int"},
            "revisions": {"type": "dict"},
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
