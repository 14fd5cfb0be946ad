#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a Nomad cluster of started managers, and wait until it is healthy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_managers
short_description: Elect, bootstrap and await a Nomad cluster's managers
version_added: "0.1.0"
description:
  - Runs on one manager, after the agents of all managers were started.
  - Waits for a leader, makes the stored secret the first management token (once in the life of the cluster), and waits
    until every desired manager is a healthy voter.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  addresses:
    description: Addresses of all managers that shall be healthy voters.
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
    description: Says whether the ACL system would be bootstrapped, and waits for nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Make the started managers a cluster
  keelson.cluster.nomad_managers:
    cluster: product
    addresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
  run_once: true
"""

RETURN = r"""
leader:
  description: Address of the manager that leads, empty when unknown.
  type: str
  returned: always
failure_tolerance:
  description: How many managers may be lost before the cluster stops.
  type: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import raft
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import acl, servers
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


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
    cluster: str = module.params["cluster"]
    timeout: int = module.params["timeout"]
    try:
        api = Api.from_env(cluster)
        if module.check_mode:
            health = raft.read_health(api)
            _done(module, not acl.is_ours(api), health)
        reason = raft.wait_leader(api, timeout)
        if reason:
            module.fail_json(
                msg=f"The managers of {cluster} elect no leader in {timeout} s: {reason}. "
                "See 'journalctl -u nomad' on each of them."
            )
        changed = acl.bootstrap(api)
        servers.gather(api, module.params["addresses"])
        reason = raft.wait_healthy(api, module.params["addresses"], timeout)
        if reason:
            module.fail_json(msg=f"The managers of {cluster} are not healthy after {timeout} s: {reason}.")
        _done(module, changed, raft.read_health(api))
    except acl.ForeignBootstrap as error:
        module.fail_json(
            msg=f"The ACL system of {cluster} was bootstrapped by somebody else: its managers do not know the token in "
            f"/etc/keelson/{cluster}/secrets. Put the token that rules there as a new generation, or reset the "
            f"bootstrap as Nomad's documentation says ('Reset ACL system'), then run again. Nomad says: {error}"
        )
    except ApiError as error:
        if module.check_mode:
            module.exit_json(changed=True, leader="", failure_tolerance=0)
        module.fail_json(msg=f"The API of {cluster} fails: {error}")


def _done(module: AnsibleModule, changed: bool, health: raft.Health) -> None:
    leader = health.leader.address if health.leader else ""
    module.exit_json(changed=changed, leader=leader, failure_tolerance=health.failure_tolerance)


if __name__ == "__main__":
    main()
