#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a manager's services to its files and renew their certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_control
short_description: Bring the management services of a Kubernetes manager up to date
version_added: "0.1.0"
description:
  - Runs on a manager. When the files its services are configured from have changed since they were started, the cluster's
    configuration is brought to what the files say, and kubeadm exchanges the services one after the other; one that does
    not come up is taken back. Certificates of kubeadm that end soon are renewed, and the services started with them.
    So are all of them when one is not by the CA in use, the first one of C(ca.crt) and its like.
  - Kubeconfigs of the management services trust all CAs of C(ca.crt). Services that run with older certificates, keys or CAs than
    those on disk are started again.
  - Changes nothing unless all managers and etcd are well.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  address:
    description: Address of this manager.
    type: str
    required: true
  addresses:
    description: Addresses of all managers that must be well before this one is touched.
    type: list
    elements: str
    required: true
  renew_before_days:
    description: A certificate with fewer days left is renewed.
    type: int
    default: 60
  timeout:
    description: Seconds to wait for the managers before, and for this one after.
    type: int
    default: 60
  foreseen:
    description: Files that other tasks of the run have changed. In check mode they are as they were.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Says whether the services would be exchanged.
  diff_mode:
    support: none
    description: The files have diffs of their own.
"""

EXAMPLES = r"""
- name: Bring the management services up to date
  keelson.cluster.kubernetes_control:
    cluster: product
    address: 10.0.1.11
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
"""

RETURN = r"""
renewed:
  description: Names of the certificates that were, or in check mode would be, renewed.
  type: list
  elements: str
  returned: always
restarted:
  description: Names of the services that ran with older certificates or keys than those on disk.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    authorities,
    control,
    kubeadm,
    membership,
)
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "required": True},
            "renew_before_days": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 60},
            "foreseen": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    cluster, address, timeout = params["cluster"], params["address"], params["timeout"]
    if kubeadm.state(cluster, MANAGER) != membership.JOINED:
        module.exit_json(changed=False, renewed=[], restarted=[])
    aligned: list[str] = []
    soon: list[str] = []
    outdated: list[str] = []
    try:
        aligned = authorities.align(check=module.check_mode)
        soon = sorted({*control.expiring(params["renew_before_days"]), *control.foreign()})
        old = control.is_old(cluster) or (module.check_mode and not set(kubeadm.CONTROL).isdisjoint(params["foreseen"]))
        outdated = kubeadm.outdated()
        if (old or soon or outdated) and not module.check_mode:
            fault = control.unfit(params["addresses"], timeout)
            if fault:
                module.fail_json(
                    msg=f"The management services of {address} were left as they are, for the cluster might lose its "
                    f"quorum: {fault}. Bring the others back first, then run again."
                )
            if old:
                control.configure(cluster, address, timeout)
            if soon:
                control.renew(address, timeout)
            else:
                control.restart([name for name in outdated if name in kubeadm.outdated()], address, timeout)
    except (kubeadm.KubeadmError, ApiError, OSError, ValueError) as error:
        module.fail_json(
            msg=f"The management services of {address} were not brought up to date: {error}. The other managers were left "
            "alone. Correct that, then run again."
        )
    module.exit_json(changed=bool(aligned or old or soon or outdated), renewed=soon, restarted=outdated)


if __name__ == "__main__":
    main()
