# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that look for what stands in the way of an upgrade."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  managers:
    description: Addresses of all managers that answer.
    type: list
    elements: str
    required: true
  version:
    description: The version to which the cluster is upgraded.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""
