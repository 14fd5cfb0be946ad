# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option C(component) of the modules that place something on a host."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  component:
    description:
      - Component to which belongs what is placed, such as the engine of the cluster.
      - Before anything is placed it is recorded in C(/var/lib/keelson/receipts/<component>.json), with what was there before.
        M(keelson.cluster.host_wipe) removes by these receipts, and by them alone.
    type: str
    required: true
"""
