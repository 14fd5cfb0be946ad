# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that drain host nodes."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  nodes:
    description: The host nodes, each with C(name) and C(address).
    type: list
    elements: dict
    required: true
  purpose:
    description: What the drain is for. It is noted at the node, and V(ready) ends drains of this purpose alone.
    type: str
    required: true
  state:
    description: V(drained) moves the work away and keeps new work off, V(ready) lets the node take work again.
    type: str
    choices: [drained, ready]
    default: drained
  deadline:
    description: Seconds the work has to leave.
    type: int
    default: 600
  timeout:
    description: Seconds to wait beyond O(deadline).
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says which nodes would change.
  diff_mode:
    support: none
    description: RV(nodes) lists what changed.
"""
