#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one member of a Kubernetes cluster to another version."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_upgrade
short_description: Bring one member of a Kubernetes cluster to another version, and back where it is not well with it
version_added: "0.1.0"
description:
  - Runs on the member, on which the new versions lie already, images loaded. The management services of a manager come first,
    on every manager in turn, then the C(agents) of every member, which are kubelet and the container runtime.
  - Management services are exchanged by kubeadm once the other managers and etcd are well without this one; when this manager
    leads etcd, another one takes over. When the last manager is done, CoreDNS and kube-proxy follow.
  - What is not well with the new version gets the old one back, with its files, and the module fails.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  part:
    description: Part of this host, V(manager) or V(node).
    type: str
    choices: [manager, node]
    required: true
  services:
    description: What to bring to the new version.
    type: str
    choices: [management, agents]
    required: true
  name:
    description: Name of this host as a node.
    type: str
    required: true
  address:
    description: Address of this host.
    type: str
    required: true
  managers:
    description: Addresses of all managers.
    type: list
    elements: str
    default: []
  versions:
    description: Versions of artifacts, by name, that lie on the host and are to be used from now on.
    type: dict
    required: true
  files:
    default: []
  units:
    default: []
  ignore:
    description: Names of checks of kubeadm whose errors do not end it.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for health, before and after.
    type: int
    default: 120
extends_documentation_fragment:
  - keelson.cluster.files
  - keelson.cluster.units
attributes:
  check_mode:
    support: full
    description: Says that the member would be upgraded.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Upgrade the management services of this manager
  keelson.cluster.kubernetes_upgrade:
    cluster: product
    part: manager
    services: management
    name: m1
    address: 10.0.1.11
    managers: [10.0.1.11, 10.0.1.12, 10.0.1.13]
    versions: {kubeadm: 1.36.3, kubelet: 1.36.3}
"""

RETURN = r"""
complete:
  description: Whether all managers serve the new version.
  type: bool
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import InstallError
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import upgrade

ADDRESSED = {name: {"type": "str", "required": True} for name in ("cluster", "name", "address")}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **ADDRESSED,
            "part": {"type": "str", "choices": ["manager", "node"], "required": True},
            "services": {"type": "str", "choices": ["management", "agents"], "required": True},
            "managers": {"type": "list", "elements": "str", "default": []},
            "versions": {"type": "dict", "required": True},
            "files": {"type": "list", "elements": "dict", "default": [], "options": host_files.SPEC},
            "units": {"type": "list", "elements": "dict", "default": [], "options": service_units.SPEC},
            "ignore": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    if module.check_mode:
        module.exit_json(changed=True, complete=False)
    what, files = given.pop("services"), given.pop("files")
    units = [service_units.Unit(**entry) for entry in given.pop("units")]
    complete, late = False, ""
    try:
        with upgrade.alone():
            receipts = Receipts("kubernetes")
            if what == "management":
                complete, late = upgrade.management(upgrade.Target(**given), files, receipts)
            else:
                upgrade.agents(upgrade.Target(**given), files, units, receipts)
    except (upgrade.UpgradeError, InstallError, ApiError) as error:
        module.fail_json(msg=str(error))
    if late:
        module.warn(f"The cluster goes on exchanging what runs on its nodes: {late} are ready with the new version")
    module.exit_json(changed=True, complete=complete)


if __name__ == "__main__":
    main()
