#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Move work off host nodes of a Nomad cluster, or let them take work again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_drain
short_description: Drain host nodes of a Nomad cluster, or let them take work again
version_added: "0.1.0"
description:
  - Runs on a live manager. Work moves by the jobs' own migrate blocks; batch jobs may finish until O(deadline), and system jobs
    stay. What still runs then is stopped.
  - A node that somebody else has drained stays as it is, in both directions.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.drain
"""

EXAMPLES = r"""
- name: Move the work off a host node
  keelson.cluster.nomad_drain:
    cluster: product
    nodes: [{name: web-0, address: 10.0.2.11, pool: web}]
    purpose: maintenance
"""

RETURN = r"""
nodes:
  description: Names of the nodes that changed.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.keelson.cluster.plugins.module_utils.modules import drain
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.nodes import Drains


def main() -> None:
    """Run the module."""
    drain.main(lambda cluster: Drains(Api.from_env(cluster)))


if __name__ == "__main__":
    main()
