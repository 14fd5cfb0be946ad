# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: mesh_linkerd
short_description: Write the services of the mesh as objects of Linkerd
version_added: 0.1.0
description:
  - Runs on the controller, and neither reads nor changes a cluster. C(mesh_services) of the host that it runs for become objects of
    Linkerd and of the Gateway API, in one file for C(kubectl apply). They were not tried live.
  - What of the model Linkerd does not do is refused by its name, with all faults at once.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name.
    type: str
    required: true
  file:
    description: The file that is written.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Says whether the file would be written.
  diff_mode:
    support: none
    description: Shows no differences.
"""

EXAMPLES = r"""
- name: Write the objects
  keelson.cluster.mesh_linkerd:
    cluster: product
    file: linkerd.yml
  run_once: true
"""

RETURN = r"""
file:
  description: The file.
  type: str
  returned: success
"""
