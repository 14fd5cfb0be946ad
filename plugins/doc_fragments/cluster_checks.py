# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that check a cluster through the API of a manager."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that run on a manager."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  managers:
    description: The managers' addresses by their names.
    type: dict
    required: true
  nodes:
    description: The host nodes, each with C(name), C(address) and C(pool).
    type: list
    elements: dict
    default: []
  whole:
    description: Whether the whole cluster is looked at, not only this manager.
    type: bool
    default: true
  days:
    description: Days that certificates which the engine keeps for itself must at least be valid for.
    type: float
    default: 14
"""
