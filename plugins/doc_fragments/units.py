# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of modules that run services."""

from __future__ import annotations


class ModuleDocFragment:
    """Options shared by the modules that run units of systemd."""

    DOCUMENTATION = r"""
options:
  units:
    description: The units, in this order.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name with its suffix.
        type: str
        required: true
      state:
        description: V(started) leaves a running unit alone, V(fresh) restarts it when it runs on old files,
          V(stopped) stops it and leaves it enabled.
        type: str
        choices: [started, fresh, stopped]
        default: started
      inputs:
        description: The files a running unit depends on, which it wrote to C(/run/keelson/<unit>) when it started.
        type: list
        elements: path
        default: []
      reload:
        description: Files that a running unit reads again when it is reloaded, noted in C(/run/keelson/<unit>.reload).
        type: list
        elements: path
        default: []
      timeout:
        description: Seconds a start or stop may take.
        type: int
        default: 90
"""
