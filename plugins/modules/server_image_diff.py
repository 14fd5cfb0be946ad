# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: server_image_diff
short_description: Tell what differs between two published images
version_added: 0.1.0
description:
  - Compares packages and artifacts by version, and every file by kind, mode, owner, size and digest.
author: keelson.cluster contributors (@keelson-cluster)
options:
  before:
    description: Folder of one image.
    type: path
    required: true
  after:
    description: Folder of the other.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Returns the differences in any mode.
"""

EXAMPLES = r"""
- name: What is new in this image?
  keelson.cluster.server_image_diff:
    before: images/host-node-nomad-1.11.3-amd64-20261115T0200Z
    after: images/host-node-nomad-1.11.3-amd64-20261122T0200Z
"""

RETURN = r"""
same:
  description: Whether the disks are the same, bit for bit.
  type: bool
  returned: success
packages:
  description: Packages and artifacts that were C(removed), C(added) or C(changed) in version.
  type: dict
  returned: success
files:
  description: Files that were C(removed), C(added) or C(changed).
  type: dict
  returned: success
"""
