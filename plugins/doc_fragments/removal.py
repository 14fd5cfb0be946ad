# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that remove members of a cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that run on a live manager."""

    DOCUMENTATION = r"""
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  members:
    description: >-
      Who is to be removed, each with C(name), C(address), C(part) (V(manager) or V(node)) and C(id), the engine's own. It is
      looked up again: one that is another by now is left alone, with a warning.
    type: list
    elements: dict
    required: true
  probes:
    description: >-
      What managers saw of the members, as M(keelson.cluster.member_probe) returns it: by manager, for each address whether
      anything answered there. One counts as dead only when most of the managers looked and none got an answer.
    type: dict
    default: {}
  managers:
    description: How many managers the cluster has in the inventory.
    type: int
    default: 0
  deadline:
    description: Seconds after which a drain ends what still runs.
    type: int
    default: 120
  timeout:
    description: Seconds to wait beyond O(deadline).
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says who would be removed.
  diff_mode:
    support: none
    description: The result lists who was removed.
"""
