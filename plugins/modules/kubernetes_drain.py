#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Move work off host nodes of a Kubernetes cluster, or let them take work again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_drain
short_description: Drain host nodes of a Kubernetes cluster, or let them take work again
version_added: "0.1.0"
description:
  - Runs on a live manager. Pods are evicted as disruption budgets allow; those of Jobs may end until O(deadline). Pods of
    DaemonSets, and pods without a controller, stay.
  - A node that somebody else has drained stays as it is, in both directions.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.drain
"""

EXAMPLES = r"""
- name: Move the work off a host node
  keelson.cluster.kubernetes_drain:
    cluster: product
    nodes: [{name: web-0, address: 10.0.2.11}]
    purpose: maintenance
"""

RETURN = r"""
nodes:
  description: Names of the nodes that changed.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.drain import Drains
from ansible_collections.keelson.cluster.plugins.module_utils.modules import drain


def main() -> None:
    """Run the module."""
    drain.main(lambda cluster: Drains(Api.from_env(cluster)))


if __name__ == "__main__":
    main()
