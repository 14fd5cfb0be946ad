#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove members from a Nomad cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_remove
short_description: Drain live and forget dead members of a Nomad cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. A host node that lives is drained and stays so; one that is dead is forgotten. A manager is
    removed only when it is dead. What lives would register again, so uninstall or destroy it, then run again.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  members:
    description: Who is to be removed, each with C(name), C(address) and C(part) (V(manager) or V(node)).
    type: list
    elements: dict
    required: true
  deadline:
    description: Seconds after which a drain stops what still runs.
    type: int
    default: 120
  timeout:
    description: Seconds to wait beyond O(deadline).
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says who would be removed.
  diff_mode:
    support: none
    description: The result lists who was removed.
"""

EXAMPLES = r"""
- name: Remove a host node
  keelson.cluster.nomad_remove:
    cluster: product
    members:
      - {name: web-2, address: 10.0.2.13, part: node}
"""

RETURN = r"""
removed:
  description: Names of who was, or in check mode would be, drained or forgotten.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.removal import remove
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import removal
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "members": {"type": "list", "elements": "dict", "required": True},
            "deadline": {"type": "int", "default": 120},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    removed: list[str] = []
    try:
        api = Api.from_env(params["cluster"])
        how = (params["deadline"], params["timeout"], module.check_mode)
        steps = {
            "manager": lambda name, address: removal.manager(api, name, address, *how),
            "node": lambda name, address: removal.node(api, name, address, *how),
        }
        refused = remove(params["members"], steps, removed)
    except KeyError as error:
        module.fail_json(msg=f"The members need name, address and part (manager or node); {error} is at fault.")
    except ApiError as error:
        module.fail_json(msg=str(error), removed=removed)
    if refused:
        module.fail_json(msg=" ".join(refused), changed=bool(removed), removed=removed)
    module.exit_json(changed=bool(removed), removed=removed)


if __name__ == "__main__":
    main()
