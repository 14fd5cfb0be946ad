#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the members a running Nomad cluster knows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_members
short_description: List the members a running Nomad cluster knows
version_added: "0.1.0"
description:
  - Asks the Nomad API, on a manager, for the servers and the client nodes of the cluster. Changes nothing.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, which names its directory in C(/etc/keelson).
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Ask for the members
  keelson.cluster.nomad_members:
    cluster: product
  register: nomad
"""

RETURN = r"""
members:
  description: The members. Servers that left the cluster in order are not listed.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The member's name in Nomad.
      type: str
      returned: always
    address:
      description: The address it is reached at.
      type: str
      returned: always
    part:
      description: C(manager) or C(node).
      type: str
      returned: always
    id:
      description: The node's id; empty for a manager.
      type: str
      returned: always
    status:
      description: What Nomad says about it, such as C(alive), C(ready) or C(down).
      type: str
      returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.modules import members as module
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.members import members


def main() -> None:
    """Run the module."""
    module.main(lambda cluster: members(Api.from_env(cluster)))


if __name__ == "__main__":
    main()
