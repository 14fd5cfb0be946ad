# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: inventory_wait
short_description: Wait until the inventory has hosts at other addresses
version_added: "0.1.0"
description:
  - Runs on the controller. Reads the sources of the inventory again and again until each of O(hosts) has another
    C(cluster_address). The inventory of the run stays as it is; C(refresh_inventory) of M(ansible.builtin.meta) reads it anew.
author: keelson.cluster contributors (@keelson-cluster)
options:
  hosts:
    description: Addresses that the hosts have now, by their names.
    type: dict
    required: true
  timeout:
    description: Seconds to wait.
    type: int
    default: 3600
  interval:
    description: Seconds between two looks.
    type: float
    default: 5
attributes:
  check_mode:
    support: full
    description: Waits for nothing.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Wait for a new server
  keelson.cluster.inventory_wait:
    hosts: {web-2: 10.0.2.12}
"""

RETURN = r""" # """
