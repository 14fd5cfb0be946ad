#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge all hosts of a cluster. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Judge all hosts of a cluster and show every fault in one table
version_added: "0.1.0"
description:
  - Runs on the controller, once, after M(keelson.cluster.host_facts) ran on the cluster's hosts.
  - Prints one table with host, fault and remedy. Fails when there is an error; warnings do not fail.
  - Hosts that the run leaves out by C(--limit) are judged by their inventory variables only.
author: keelson.cluster contributors (@keelson-cluster)
options:
  facts:
    description: Name of the variable in which the task with M(keelson.cluster.host_facts) registered its result.
    type: str
    required: true
  tried:
    description:
      - Name of the variable in which the task with M(keelson.cluster.connection_test) registered what the hosts reached.
    type: str
    default: ""
  ignore:
    description:
      - Kinds of faults that only warn. A fault's kind is in RV(faults).
    type: list
    elements: str
    default: []
  kinds:
    description:
      - Look for faults of these kinds alone, those that the facts of the hosts tell; for all unless given.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Judge all hosts
  keelson.cluster.preflight:
    facts: __preflight_facts
  run_once: true
  register: preflight
"""

RETURN = r"""
faults:
  description: Every fault, errors first. C(host) is empty for a fault of the cluster as a whole.
  returned: always
  type: list
  elements: dict
  sample:
    - host: web-1
      kind: port
      level: error
      text: port 4646/tcp, needed for the HTTPS API, is taken by nginx (pid 812, /usr/sbin/nginx)
      remedy: stop that program or move it to another port
orphans:
  description: Members the running cluster knows and the inventory does not (C(name), C(address), C(part), C(id), C(status)).
  returned: always
  type: list
  elements: dict
removed_first:
  description: >-
    Those of them, and members whose server was replaced under its name, that must be forgotten before hosts join.
  returned: always
  type: list
  elements: dict
members:
  description: All members, as that manager knows them.
  returned: always
  type: list
  elements: dict
members_from:
  description: The manager that told the members, empty where none did.
  returned: always
  type: str
"""
