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
extends_documentation_fragment: [keelson.cluster.members]
"""

EXAMPLES = r"""
- name: Ask for the members
  keelson.cluster.kubernetes_members:
    cluster: product
  register: kubernetes
"""

RETURN = r"""
members:
  description:
    - The members, each with C(name), C(address), C(part) (V(manager) or V(node)), C(id), the engine's own, C(status) as the
      engine names it, and C(enrolled), whether it is a host node that joined by itself.
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import etcd
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.members import members
from ansible_collections.keelson.cluster.plugins.module_utils.modules import members as module


def main() -> None:
    """Run the module."""
    module.main(lambda cluster: members(Api.from_env(cluster), etcd.leader()))


if __name__ == "__main__":
    main()
