# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that put a manager on the state of a backup."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  restore:
    description: Id of the cluster's newest restore, from its secrets.
    type: str
    required: true
  name:
    description: Name of this manager.
    type: str
    required: true
  address:
    description: Address of this manager.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Says whether this manager would be put on the state of the backup.
  diff_mode:
    support: none
    description: There is nothing to show.
"""
