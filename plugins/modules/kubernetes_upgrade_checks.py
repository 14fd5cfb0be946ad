#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look for what stands in the way of an upgrade of a Kubernetes cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_upgrade_checks
short_description: Look for what stands in the way of an upgrade of a Kubernetes cluster
version_added: "0.1.0"
description:
  - Runs on a manager and changes nothing. It fails where objects are written, or asked for, by a version of the API that the new
    version has no more, and where a disruption budget never lets a pod go. API servers tell what was asked for since their start.
  - It warns of such versions that go later, and of pods without a controller, which stay on their nodes.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
extends_documentation_fragment: keelson.cluster.upgrade_checks
"""

EXAMPLES = r"""
- name: Look for obstacles
  keelson.cluster.kubernetes_upgrade_checks:
    cluster: product
    managers: [10.0.1.11, 10.0.1.12, 10.0.1.13]
    version: 1.36.3
"""

RETURN = r"""
faults:
  description: What stands in the way.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import obstacles
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "managers": {"type": "list", "elements": "str", "required": True},
            "version": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        found = obstacles.look(Api.from_env(given["cluster"]), given["managers"], given["version"])
    except ApiError as error:
        module.fail_json(msg=f"The API of {given['cluster']} fails: {error}", faults=[])
    for text in found.warnings:
        module.warn(text)
    if found.faults:
        told = f"Not upgraded to {given['version']}, and nothing was changed: {'; '.join(found.faults)}"
        module.fail_json(msg=told, faults=found.faults)
    module.exit_json(changed=False, faults=[])


if __name__ == "__main__":
    main()
