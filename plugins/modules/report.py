#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the checks of all hosts together and judge them. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Put the checks of all hosts together and judge them
version_added: "0.1.0"
description:
  - Runs on the controller, once. Collects the checks that tasks registered, writes them as JSON, as JUnit XML and as one
    HTML page with a drawing of the cluster, and fails when a check failed.
  - A host that did not answer and a task that failed are failed checks.
author: keelson.cluster contributors (@keelson-cluster)
options:
  results:
    description: Names of the variables in which the tasks registered their results, in the order of the tasks.
    type: list
    elements: str
    default: []
  state:
    description: V(checked) looks whether O(regime) is one of O(placement) and writes nothing, for the beginning of a run.
    type: str
    choices: [written, checked]
    default: written
  directory:
    description: The directory on the controller in which C(report.json), C(junit.xml) and C(report.html) are written.
    type: path
    default: report
  regime:
    description: Write also evidence for an auditor of this regime of O(placement), signed, as C(evidence.json).
    type: str
    default: ""
  placement:
    description: The placement file, for evidence.
    type: path
    default: placement.yml
  key:
    description: The key that signs evidence. It is made when there is none.
    type: path
attributes:
  check_mode:
    support: full
    description: Writes the report in any mode; it changes no host.
  diff_mode:
    support: none
    description: There is nothing to compare.
"""

EXAMPLES = r"""
- name: Judge
  keelson.cluster.report:
    results: [verify_host, verify_endpoint_security, verify_cluster]
  run_once: true
"""

RETURN = r"""
counts:
  description: Numbers of C(checks) and of those that C(failed).
  returned: when it is written
  type: dict
evidence:
  description: Path of the signed evidence.
  returned: when a regime is given
  type: str
html:
  description: Path of the HTML page.
  returned: when it is written
  type: str
json:
  description: Path of the JSON file.
  returned: when it is written
  type: str
junit:
  description: Path of the JUnit XML file.
  returned: when it is written
  type: str
"""
