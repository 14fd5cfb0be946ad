# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: upgrade_checks
short_description: Look for what stands in the way of an upgrade
version_added: "0.1.0"
description:
  - Runs on a manager the module of the cluster's engine, such as M(keelson.cluster.kubernetes_upgrade_checks). With an engine that
    has none it finds nothing.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment: keelson.cluster.upgrade_checks
"""

EXAMPLES = r"""
- name: Look for obstacles
  keelson.cluster.upgrade_checks:
    managers: [10.0.1.11, 10.0.1.12, 10.0.1.13]
    version: 1.36.3
"""

RETURN = r"""
faults:
  description: What stands in the way.
  type: list
  elements: str
  returned: always
"""
