#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a host's part of the mesh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_checks
short_description: Check the sidecars of a host, or the authority on a manager
version_added: "0.1.0"
description:
  - On a host node it asks each sidecar at its admin socket, looks at its leaf certificate, tries its port with plain text,
    tries the ports of services and upstreams as an account that does not own them, and sees where services listen.
  - On a manager it looks at the authority of the mesh.
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Look at the mesh
  keelson.cluster.mesh_checks:
    cluster: product
  register: verify_mesh
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
  sample:
    - check: mesh_leaf
      title: The leaf certificate is renewed in time
      host: web-1
      target: shop/orders
      passed: true
      evidence: valid for 1320 minutes, renewed when 720 are left
      remedy: ""
      seconds: 0.01
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import failure
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import HOST
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import checks, known


def main() -> None:
    """Ask and return."""
    module = AnsibleModule(argument_spec={"cluster": {"type": "str", "required": True}}, supports_check_mode=True)
    cluster = module.params["cluster"]
    found = checks.manager_checks(cluster) if os.path.exists(known.ISSUED.format(cluster=cluster)) else []
    try:
        found += checks.host_checks() if os.path.exists(HOST) else []
    except (OSError, ValueError, KeyError) as error:
        found.append(
            failure("mesh_sidecar", "The host's part of the mesh can be read", str(error), "run the install playbook")
        )
    if not found:
        found.append(
            failure("mesh_sidecar", "The host is part of the mesh", "it has nothing of it", "run the install playbook")
        )
    module.exit_json(changed=False, checks=found)


if __name__ == "__main__":
    main()
