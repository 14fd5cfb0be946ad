#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop each manager of a cluster in turn. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: manager_outage
short_description: Stop a manager, see that the cluster answers, and bring it back
version_added: "0.1.0"
description:
  - A drill. Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.kubernetes_manager_outage). Use it
    with C(throttle=1), so that one manager is stopped at a time.
  - Does nothing where fewer than three managers answer, or where the engine has no such drill.
author: keelson.cluster contributors (@keelson-cluster)
options:
  watchdog:
    description: Seconds after which the host brings itself back when nobody else does.
    type: int
    default: 180
  timeout:
    description: Seconds to wait for answers, and for the manager when it is brought back.
    type: int
    default: 90
attributes:
  check_mode:
    support: full
    description: Does nothing.
  diff_mode:
    support: none
    description: There is nothing to compare.
"""

EXAMPLES = r"""
- name: Stop each manager in turn
  keelson.cluster.manager_outage:
  throttle: 1
  register: verify_manager_outage
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""
