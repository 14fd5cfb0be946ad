#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove members from a cluster of any engine. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: member_removal
short_description: Drain live and forget dead members of a cluster
version_added: "0.1.0"
description:
  - Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_remove), on a live manager.
extends_documentation_fragment: [keelson.cluster.removal]
"""

EXAMPLES = r"""
- name: Remove a host node
  keelson.cluster.member_removal:
    cluster: product
    members: [{name: web-2, address: 10.0.2.13, part: node, id: 6e4f3e0c-1f0a-4c7e-9a11-2f6d3c1b5a70}]
"""

RETURN = r"""
removed: {description: "Names of who was, or in check mode would be, drained or forgotten.", type: list, elements: str, returned: always}
skipped: {description: "Who was left alone because another host has taken its place.", type: list, elements: str, returned: always}
"""
