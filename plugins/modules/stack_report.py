#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw stacks, clusters, pools and hosts. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_report
short_description: Draw stacks, clusters, pools and hosts
version_added: 0.1.0
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Reads a stacks file as P(keelson.cluster.stacks#inventory) does and writes one self-contained HTML file - a drawing of stacks, clusters, parts and
    hosts, every warning, and what is no host and why. Runs on the controller.
  - The file changes only when its content does.
options:
  file:
    description: The stacks file.
    type: path
    required: true
  dest:
    description: The HTML file. Its folder is made where it is missing.
    type: path
    required: true
attributes:
  check_mode:
    description: Can run in check mode and tell whether the file would change.
    support: full
  diff_mode:
    description: Will return details on what has changed.
    support: none
seealso:
  - plugin: keelson.cluster.stacks
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Draw the inventory
  keelson.cluster.stack_report:
    file: product.stacks.yml
    dest: report/inventory.html
"""

RETURN = r"""
dest:
  description: The HTML file.
  returned: success
  type: str
  sample: report/inventory.html
hosts:
  description: How many hosts were found.
  returned: success
  type: int
  sample: 6
"""
