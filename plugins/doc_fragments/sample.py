# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that try a cluster with the sample application."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that run on a manager."""

    DOCUMENTATION = r"""
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  state:
    description: What to do.
    type: str
    choices: [present, moved, absent]
    default: present
  image:
    description: The image of the sample application; needed unless O(state=absent).
    type: str
    default: ""
  pool:
    description: The pool to use; the one with most ready nodes unless given.
    type: str
    default: ""
  drills:
    description: Whether a host node is drained.
    type: bool
    default: false
  closed:
    description: Addresses of the cloud's metadata service, which must be refused to the application.
    type: list
    elements: str
    default: []
  outage_host:
    description: The host node that was killed, as this module returned it.
    type: dict
  timeout:
    description: Seconds to wait for each step.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Does nothing and returns no checks.
  diff_mode:
    support: none
    description: Removes what it makes.
"""
