#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a host's part of the mesh of Consul."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_consul_checks
short_description: Check the agent and the sidecars of a host, or the Consul server on a manager
version_added: "0.1.0"
description:
  - On a host node it asks agent and sidecars, looks at leaf certificates, tries the ports of sidecars with plain text and those of
    services and upstreams as an account that does not own them, and asks Consul what a caller that no rule names may do.
  - On a manager it looks at the health of Consul's servers, and at what their API tells a client without a token.
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
  keelson.cluster.mesh_consul_checks:
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
      evidence: valid for 1320 of 1440 minutes
      remedy: ""
      seconds: 0.01
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import failure
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import checks, known
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.api import Api, ApiError


def main() -> None:
    """Ask and return."""
    module = AnsibleModule(argument_spec={"cluster": {"type": "str", "required": True}}, supports_check_mode=True)
    cluster = module.params["cluster"]
    title, remedy = "The host's part of the mesh can be read", "run the install playbook"
    found = []
    try:
        if os.path.exists(Api.ACCESS_FILE.format(cluster=cluster)):
            found += checks.manager_checks(cluster)
        if os.path.exists(known.HOST):
            found += checks.host_checks()
    except (OSError, ValueError, KeyError, ApiError) as error:
        found.append(failure("mesh_agent", title, str(error), remedy))
    if not found:
        found.append(failure("mesh_agent", title, "it has nothing of it", remedy))
    module.exit_json(changed=False, checks=found)


if __name__ == "__main__":
    main()
