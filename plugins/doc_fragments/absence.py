# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules around a time in which one manager is away."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  address:
    description: Address of this manager.
    type: str
    required: true
  addresses:
    description: Addresses of all managers.
    type: list
    elements: str
    required: true
  state:
    description: >-
      V(begun) waits until the others keep the quorum without this manager, and hands over what it leads. V(ended) waits until all
      managers are well again.
    type: str
    choices: [begun, ended]
    required: true
  timeout:
    description: Seconds to wait.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Waits for nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
"""
