#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a manager of a Kubernetes cluster, see that the endpoint answers, and bring it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_manager_outage
short_description: Stop a manager of a Kubernetes cluster, see that the endpoint answers, and bring it back
version_added: "0.1.0"
description:
  - A drill, to be run on one manager at a time. Kills the kubelet, containerd, every pod, and, where the managers hold the
    endpoint's address themselves, haproxy; keepalived is stopped, so that it lets go of the address.
  - Then asks the API at the cluster's endpoint until it has answered for five seconds on end.
  - Brings everything back, and waits until this manager's API and all members of etcd are well.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, for messages; where its API is says C(/etc/kubernetes/admin.conf).
    type: str
    required: true
  address:
    description: The address at which this manager's services listen.
    type: str
    required: true
  scope:
    description: What is killed, as M(keelson.cluster.cluster_outage) takes it.
    type: dict
    required: true
  watchdog:
    description: Seconds after which the host brings everything back by itself.
    type: int
    default: 180
  timeout:
    description: Seconds to wait for answers, and for the manager when it is brought back.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Does nothing and returns no checks.
  diff_mode:
    support: none
    description: There is nothing to compare.
"""

EXAMPLES = r"""
- name: Stop each manager in turn
  keelson.cluster.kubernetes_manager_outage:
    cluster: product
    address: "{{ cluster_address }}"
    scope: {units: [kubelet.service, containerd.service], groups: [kubelet.service, containerd.service, kubepods]}
  throttle: 1
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import failure
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.outage import Outage, OutageScope, stop_manager
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import etcd
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.checks import unready


def main() -> None:
    """Stop, ask, bring back."""
    arguments = {
        "cluster": {"type": "str", "required": True},
        "address": {"type": "str", "required": True},
        "scope": {"type": "dict", "required": True},
        "watchdog": {"type": "int", "default": 180},
        "timeout": {"type": "int", "default": 90},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    given = module.params
    if module.check_mode:
        module.exit_json(changed=False, checks=[])
    try:
        api = Api.from_env(given["cluster"], 2.0)
    except ApiError as error:
        unasked = failure("manager_outage", "The manager's API can be asked", str(error), "run the install playbook")
        module.exit_json(changed=False, checks=[unasked])
    scope = OutageScope.read(given["scope"])
    outage = Outage(lambda command, check: module.run_command(command, check_rc=check), scope)
    own = api.at(given["address"])
    checks = stop_manager(
        outage, given["watchdog"], given["timeout"], lambda: unready(api), lambda: unready(own) or etcd.sick() or None
    )
    module.exit_json(changed=True, checks=checks)


if __name__ == "__main__":
    main()
