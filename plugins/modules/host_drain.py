#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drain host nodes of any engine, or let them take work again. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_drain
short_description: Drain host nodes of a cluster, or let them take work again
version_added: "0.1.0"
description:
  - Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_drain), on a live manager.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment: [keelson.cluster.drain]
"""

EXAMPLES = r"""
- name: Move the work off a host node
  keelson.cluster.host_drain:
    cluster: product
    nodes: [{name: web-0, address: 10.0.2.11, pool: web}]
    purpose: maintenance
"""

RETURN = r"""
nodes: {description: Names of the nodes that changed., type: list, elements: str, returned: always}
"""
