#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the tokens and configuration entries of Consul to the desired state; the action of the same name renders them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_consul_entries
short_description: Have Consul's servers take the rules of a mesh
version_added: "0.1.0"
description:
  - The action renders tokens and configuration entries from C(mesh_services), C(mesh_identity) and C(mesh_telemetry).
  - Tokens and entries that this collection made and that are no longer described are removed; those of others are left alone, and
    one that is in the way is an error that names it.
  - Runs on a manager. Use C(no_log) on every task with this module.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  seed:
    description: What tokens are made from. It is used on the controller and not sent to the host.
    type: str
  tokens:
    description: Set by the action, the tokens.
    type: list
    elements: dict
    default: []
  entries:
    description: Set by the action, the configuration entries.
    type: list
    elements: dict
    default: []
  leaf_minutes:
    description: Set by the action, the lifetime of leaf certificates.
    type: int
    default: 1440
attributes:
  check_mode:
    support: full
    description: Says what would be made, changed and removed.
  diff_mode:
    support: none
    description: Tokens are never shown.
"""

EXAMPLES = r"""
- name: Bring the rules of the mesh to Consul
  keelson.cluster.mesh_consul_entries:
    cluster: product
    seed: "{{ secrets.payload.mesh_consul.seed }}"
  run_once: true
  no_log: true
"""

RETURN = r"""
actions:
  description: What was, or in check mode would be, done.
  type: list
  elements: str
  returned: success
  sample: ["make token of shop/orders on w1", "change service-intentions shop_orders"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul import acl, entries
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_consul.api import Api, ApiError

LIST = {"type": "list", "elements": "dict", "default": []}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "seed": {"type": "str", "no_log": True},
            "tokens": {**LIST, "no_log": True},
            "entries": LIST,
            "leaf_minutes": {"type": "int", "default": 1440},
        },
        supports_check_mode=True,
    )
    given, check = module.params, module.check_mode
    try:
        api = Api.from_env(given["cluster"])
        due = entries.changes(api, entries.read(api), given["entries"])
        actions = entries.lifetime(api, given["leaf_minutes"], check) + acl.settle(api, given["tokens"], check)
        if not check:
            entries.carry_out(due)
        actions += [name for name, _act in due]
    except entries.ForeignEntry as error:
        module.fail_json(msg=f"The rules of the mesh of {given['cluster']}: {error}")
    except ApiError as error:
        if check and not error.status:  # the servers are not there yet
            module.exit_json(changed=True, actions=[])
        module.fail_json(msg=f"Consul of {given['cluster']} does not take the rules of the mesh: {error}")
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
