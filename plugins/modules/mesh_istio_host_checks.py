#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the sidecars of Istio on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_istio_host_checks
short_description: Check the sidecars of Istio on a host
version_added: "0.1.0"
description:
  - Asks each sidecar of a host node at its admin port, looks at its certificate and its token, tries its port with plain text, and
    tries the ports of services and upstreams as an account that does not own them.
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Look at the sidecars
  keelson.cluster.mesh_istio_host_checks:
    cluster: product
  register: verify_mesh
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import host
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_istio import checks, places


def main() -> None:
    """Ask and return."""
    module = AnsibleModule(argument_spec={"cluster": {"type": "str", "required": True}}, supports_check_mode=True)
    # A manager runs the issuer, which other checks look at.
    if os.path.exists(places.ISSUED.format(cluster=module.params["cluster"])):
        module.exit_json(changed=False, checks=[])
    try:
        found = checks.host_checks(host())
    except (OSError, ValueError, KeyError) as error:
        found = [checks.missing(str(error))]
    module.exit_json(changed=False, checks=found)


if __name__ == "__main__":
    main()
