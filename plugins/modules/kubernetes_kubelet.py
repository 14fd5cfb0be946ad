#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the configuration of this host's kubelet up to date."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_kubelet
short_description: Bring the configuration of this host's kubelet up to date
version_added: "0.1.0"
description:
  - Runs on a member, after the host's own part of kubelet's configuration was written to C(/etc/kubernetes/patches). When that,
    or what the cluster says of all kubelets, has changed since kubeadm last wrote kubelet's configuration, kubeadm writes it
    anew and kubelet is restarted; pods go on. Where kubelet does not go on running with it, the old configuration is put back.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  foreseen:
    description: Files that other tasks of the run have changed. In check mode they are as they were.
    type: list
    elements: path
    default: []
  defer:
    description: Only tell, in RV(pending), whether kubelet is to be restarted; another task does it for a few hosts at a time.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says whether the configuration would be written.
  diff_mode:
    support: none
    description: The file in C(/etc/kubernetes/patches) has its own diff.
"""

EXAMPLES = r"""
- name: Bring kubelet's configuration up to date
  keelson.cluster.kubernetes_kubelet:
    cluster: product
"""

RETURN = r"""
pending:
  description: Whether kubelet is to be restarted and was not, because of O(defer).
  type: bool
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import kubeadm, membership


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "foreseen": {"type": "list", "elements": "path", "default": []},
            "defer": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    cluster, foreseen = module.params["cluster"], module.params["foreseen"]
    note = membership.read_note(cluster)
    if module.check_mode and not note.done:  # a host that is still to join is configured by that
        module.exit_json(changed=False, pending=False)
    desired = kubeadm.kubelet_digest(cluster)
    if not desired:
        module.fail_json(
            msg="The cluster does not tell this host how kubelet is configured. Run again when its API answers."
        )
    changed = note.kubelet != desired or (module.check_mode and membership.PATCH in foreseen)
    if module.params["defer"]:
        module.exit_json(changed=False, pending=changed)
    if changed and not module.check_mode:
        try:
            kubeadm.renew_kubelet(cluster)
        except (kubeadm.KubeadmError, OSError) as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=changed, pending=False)


if __name__ == "__main__":
    main()
