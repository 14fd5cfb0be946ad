#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill the host node that runs most of the sample application, or bring it back. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_outage
short_description: Kill the host node that runs most of the sample application, or bring it back
version_added: "0.1.0"
description:
  - A drill. Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_outage).
author: keelson.cluster contributors (@keelson-cluster)
options:
  state:
    description: V(down) kills, V(up) brings back.
    type: str
    choices: [down, up]
    required: true
  watchdog:
    description: Seconds after which the host brings itself back when nobody else does.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Does nothing.
  diff_mode:
    support: none
    description: There is nothing to compare.
"""

EXAMPLES = r"""
- name: Kill a host node
  keelson.cluster.cluster_outage:
    state: down
"""

RETURN = r"""
killed:
  description: Numbers of processes and containers that were killed.
  returned: when O(state=down)
  type: dict
"""
