#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a Consul cluster of started servers, and wait until it is healthy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_consul_servers
short_description: Elect, bootstrap and await Consul's servers
version_added: "0.1.0"
description:
  - Runs on one manager, after all servers were started. Waits for a leader, makes the stored secret the first token that rules (once
    in the life of the cluster), and waits until every server is a healthy voter.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  addresses:
    description: Addresses of all managers whose servers shall be healthy voters.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait for a leader, and again for health.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says whether the access control would be bootstrapped, and waits for nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Make the started servers a cluster
  keelson.cluster.mesh_consul_servers:
    cluster: product
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
  run_once: true
"""

RETURN = r"""
leader:
  description: Address of the manager whose server leads, empty when unknown.
  type: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import raft
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.bootstrap import ForeignBootstrap
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import acl
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "addresses": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    cluster, timeout = module.params["cluster"], module.params["timeout"]
    try:
        api = Api.from_env(cluster)
        changed = not acl.is_ours(api) if module.check_mode else False
        if not module.check_mode:
            reason = raft.wait_leader(api, timeout)
            changed = False if reason else acl.bootstrap(api)
            reason = reason or raft.wait_healthy(api, module.params["addresses"], timeout)
            if reason:
                module.fail_json(
                    msg=f"Consul's servers of {cluster} are not well after {timeout} s: {reason}; see journalctl -u consul"
                )
        leader = raft.read_health(api).leader
    except ForeignBootstrap as error:
        module.fail_json(
            msg=f"The access control of Consul was bootstrapped by somebody else: the token in /etc/keelson/{cluster}/secrets "
            f"does not rule there. Remove that Consul, or reset its bootstrap as its documentation says. Consul says: {error}"
        )
    except ApiError as error:
        if module.check_mode:
            module.exit_json(changed=True, leader="")
        module.fail_json(msg=f"The API of Consul of {cluster} fails: {error}")
    module.exit_json(changed=changed, leader=leader.address if leader else "")


if __name__ == "__main__":
    main()
