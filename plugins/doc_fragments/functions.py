# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that deploy functions; each engine has its own."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, which names its directory in C(/etc/keelson).
    type: str
    required: true
  state:
    description:
      - With V(absent) the function runtime is taken out of the engine with all functions, and the rest is not read. What is
        not of this collection, and would go too, is named, and nothing is changed then.
    type: str
    choices: [present, absent]
    default: present
  tenants:
    description: The variable C(faas_tenants).
    type: list
    elements: dict
    default: []
  functions:
    description: The variable C(faas_functions).
    type: list
    elements: dict
    default: []
"""
