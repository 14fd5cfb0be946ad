#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what a host is to a Kubernetes cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_host
short_description: Tell what a host can do for a Kubernetes cluster, and how far it is a member
version_added: "0.1.0"
description:
  - Tries what of the kernel decides how runtime, kubelet and kube-proxy are configured, and reads how far this host is a
    member of the cluster. Changes nothing.
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
  address:
    description: Address on which this host's cluster services listen.
    type: str
    required: true
  endpoint:
    description: Where clients reach the API (a URL, a name or an address); looked up only where it is given.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Look at the host
  keelson.cluster.kubernetes_host:
    cluster: product
    part: node
    address: 10.0.2.11
  register: host
"""

RETURN = r"""
features:
  description:
    - C(cgroup) (version), C(oom_score) (processes can be protected from the out-of-memory killer), C(confined) (the host
      is a container itself, and the kernel refuses some settings), C(conntrack) (the table's size can be set),
      C(nftables) (kube-proxy's nftables mode runs), C(interface) and C(prefix) (of O(address)), C(other_address) (the first
      one of the other family there).
  type: dict
  returned: always
state:
  description: V(absent), V(incomplete) (a join that was cut off) or V(joined).
  type: str
  returned: always
step:
  description: What was begun on this host, V(init) or V(join), else empty.
  type: str
  returned: always
fault:
  description: On a manager what is wrong with its API server, empty when it is ready.
  type: str
  returned: always
endpoint:
  description: C(host), C(addresses) (empty where it is unknown here), and C(serves), V(ours), V(others) or V(nobody).
  type: dict
  returned: when O(endpoint) is given
version:
  description: Version of kubelet on this host, empty where there is none.
  type: str
  returned: always
fixed:
  description: On a manager that is a member, C(pod_subnet), C(service_subnet) and C(endpoint) the cluster was made with.
  type: dict
  returned: always
leftovers:
  description: Traces of another cluster on a host that is in none.
  type: list
  elements: str
  returned: always
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.parts import MANAGER
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import (
    endpoint,
    kernel,
    kubeadm,
    membership,
    network,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "part": {"type": "str", "choices": ["manager", "node"], "required": True},
            "address": {"type": "str", "required": True},
            "endpoint": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    cluster, part, address = module.params["cluster"], module.params["part"], module.params["address"]
    note = membership.read_note(cluster)
    try:
        found = network.interface(address)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"the address {address!r} cannot be looked up: {error}")
    state = kubeadm.state(cluster, part)
    known = state != membership.ABSENT or os.path.isdir(f"/etc/keelson/{cluster}")
    module.exit_json(
        changed=False,
        features={**kernel.features(), "interface": found.name, "prefix": found.prefix, "other_address": found.other},
        state=state,
        step=note.step,
        fault=network.serves(address) if part == MANAGER and state != membership.ABSENT else "",
        version=membership.version(),
        fixed=membership.fixed() if part == MANAGER and state == membership.JOINED else {},
        leftovers=[] if known else membership.leftovers(),
        **look_up(module.params["endpoint"]),
    )


def look_up(given: str) -> dict[str, Any]:
    """What this host makes of the endpoint."""
    try:
        name, port = endpoint.endpoint(given)
    except ValueError:
        return {"endpoint": {"host": given, "addresses": [], "serves": "nobody"}}
    if not name:
        return {}
    addresses = network.resolve(name)
    serves = network.whose(name, port) if addresses else "nobody"
    return {"endpoint": {"host": name, "addresses": addresses, "serves": serves}}


if __name__ == "__main__":
    main()
