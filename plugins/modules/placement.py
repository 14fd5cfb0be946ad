# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: placement
short_description: Check where applications run, and draw it
version_added: 0.1.0
description:
  - Runs on the controller. Reads a placement file (environments, regimes, teams, clusters with pools, applications with their
    requirements), answers for every application and cluster whether it may run there and why not, and fails for what is wrong,
    such as an application that runs where it may not, one without any possible cluster, or an exception that has ended.
author: keelson.cluster contributors (@keelson-cluster)
options:
  file:
    description: The placement file.
    type: path
    required: true
  report:
    description: Folder for C(placement.html), a drawing of applications by clusters, and C(placement.json).
    type: path
  application:
    description: Show for this application where it may run and why not elsewhere.
    type: str
  now:
    description: The moment at which exceptions are judged, now unless given.
    type: str
attributes:
  check_mode:
    support: full
    description: Changes nothing but the report in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Check the placement
  keelson.cluster.placement:
    file: placement.yml
    report: report
"""

RETURN = r"""
violations:
  description: What is wrong, each with C(place), C(text) and C(remedy).
  type: list
  elements: dict
  returned: always
limits:
  description: By cluster, what of the borders between teams its engine does not enforce, in words.
  type: dict
  returned: always
clusters:
  description: For O(application) by cluster, its C(state), possible C(pools) and the C(reasons) against the others.
  type: dict
  returned: when an application is given
report:
  description: Path of the page.
  type: str
  returned: when a report is written
"""
