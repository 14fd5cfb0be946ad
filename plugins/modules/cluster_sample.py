#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try a cluster with the sample application. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_sample
short_description: Try a cluster with the sample application
version_added: "0.1.0"
description:
  - Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_sample), on one manager
    that answers.
author: keelson.cluster contributors (@keelson-cluster)
options:
  state:
    description:
      - V(present) deploys and tries, V(moved) waits for the instances of a host node that was killed,
        V(absent) removes.
    type: str
    choices: [present, moved, absent]
    default: present
  image:
    description: The image of the sample application.
    type: str
  pool:
    description: The pool to use; the one with most ready host nodes unless given.
    type: str
  closed:
    description: Addresses of the cloud's metadata service, which must be refused to the application; V([]) where it is open to workloads.
    type: list
    elements: str
    default: [169.254.169.254, "fd00:ec2::254"]
  drills:
    description: Whether a host node is drained.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for each step.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Does nothing and returns no checks.
  diff_mode:
    support: none
    description: Removes what it makes.
"""

EXAMPLES = r"""
- name: Try the cluster
  keelson.cluster.cluster_sample:
    image: keelson/sample-app:1.1.0
  register: verify_sample
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
instances:
  description: Where the instances ran (C(id), C(host), C(address), C(port)).
  returned: when O(state=present)
  type: list
  elements: dict
left:
  description: Where they ran before a host node was drained.
  returned: when O(state=present)
  type: list
  elements: dict
outage_host:
  description: The host node with the most instances (C(name), C(address)).
  returned: when O(state=present) and every check passed, else empty
  type: dict
removed:
  description: What was removed.
  returned: when O(state=absent)
  type: list
  elements: str
"""
