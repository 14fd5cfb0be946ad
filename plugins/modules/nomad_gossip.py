#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the keys of the gossip between the managers of a Nomad cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_gossip
short_description: Have the managers of a Nomad cluster use the gossip keys of a file
version_added: "0.1.0"
description:
  - Runs on a manager. Installs, uses and removes keys on all managers, without a restart, until they have those that
    C(/etc/nomad.d/gossip.keyring) of this manager lists; the first of them is used.
  - Each step is refused unless all managers take part, for one that missed it would hear the others no more.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  managers:
    description: How many managers the cluster has.
    type: int
    required: true
attributes:
  check_mode:
    support: full
    description: Says whether keys would be changed.
  diff_mode:
    support: none
    description: Keys are never shown.
"""

EXAMPLES = r"""
- name: Have the managers use the keys of this one's file
  keelson.cluster.nomad_gossip:
    cluster: product
    managers: 3
"""

RETURN = r"""
operations:
  description: What was done on all managers, such as C(install).
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import gossip
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "managers": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    cluster: str = module.params["cluster"]
    try:
        api = Api.from_env(cluster)
        steps = gossip.pending(api, module.params["managers"])
        if not module.check_mode:
            gossip.carry_out(api, steps)
            left = gossip.pending(api, module.params["managers"])
            if left:
                raise ApiError(0, f"{', '.join(operation for operation, _key in left)} is still to be done; run again")
            units.accept("nomad.service", gossip.DESIRED)
    except (ApiError, OSError) as error:
        module.fail_json(msg=f"The gossip keys of {cluster} cannot be changed: {error}")
    module.exit_json(changed=bool(steps), operations=[operation for operation, _key in steps])


if __name__ == "__main__":
    main()
