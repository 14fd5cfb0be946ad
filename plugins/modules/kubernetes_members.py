#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the members a running Kubernetes cluster knows."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_members
short_description: List the members a running Kubernetes cluster knows
version_added: "0.1.0"
description:
  - Asks the API, on a manager, for the nodes of the cluster. Changes nothing.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, for messages; where its API is says C(/etc/kubernetes/admin.conf).
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
  keelson.cluster.kubernetes_members:
    cluster: product
  register: kubernetes
"""

RETURN = r"""
members:
  description: The members.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The node's name.
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
      description: The node's name.
      type: str
      returned: always
    status:
      description: C(ready) or C(down).
      type: str
      returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.members import members
from ansible_collections.keelson.cluster.plugins.module_utils.modules import members as module


def main() -> None:
    """Run the module."""
    module.main(lambda cluster: members(Api.from_env(cluster)))


if __name__ == "__main__":
    main()
