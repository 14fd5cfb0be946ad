#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a host out of a Kubernetes cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_reset
short_description: Remove a Kubernetes node's processes, pods and mounts from this host
version_added: "0.1.0"
description:
  - Runs C(kubeadm reset), unless volumes are mounted below the directories that it empties; then it fails and changes nothing.
    M(keelson.cluster.host_wipe) removes the rest.
author: keelson.cluster contributors (@keelson-cluster)
options:
  leave:
    description: Take this manager's etcd member out of the cluster first, which goes on without this host.
    type: bool
    default: false
  ignore:
    description: Checks of kubeadm that only warn.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
  diff_mode:
    support: none
    description: The result lists what was removed.
"""

EXAMPLES = r"""
- name: Take this host out of the cluster
  keelson.cluster.kubernetes_reset:
    leave: true
"""

RETURN = r"""
removed:
  description: What was, or in check mode would be, removed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host.trees import TreeError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import kubeadm, leftovers


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "leave": {"type": "bool", "default": False},
            "ignore": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    removed = leftovers.find()
    if removed and not module.check_mode:
        try:
            leftovers.remove(module.params["leave"], module.params["ignore"])
        except (kubeadm.KubeadmError, TreeError, OSError) as error:
            module.fail_json(msg=f"The node cannot be taken off this host: {error}")
    module.exit_json(changed=bool(removed), removed=removed)


if __name__ == "__main__":
    main()
