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
