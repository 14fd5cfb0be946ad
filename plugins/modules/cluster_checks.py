#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a cluster through its management API. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_checks
short_description: Check a cluster through its management API
version_added: "0.1.0"
description:
  - Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_checks), on every manager,
    with the members that the inventory knows. One manager answers for the cluster as a whole.
author: keelson.cluster contributors (@keelson-cluster)
options:
  days:
    description: Days that certificates which the engine keeps for itself must at least be valid for.
    type: float
    default: 14
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Look at the cluster as its managers see it
  keelson.cluster.cluster_checks:
    days: 30
  register: verify_cluster
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""
