#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action C(rotate_plan), which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotate_plan
short_description: Plan which phases of a rotation are due
version_added: "0.1.0"
description:
  - Reads the cluster's secrets on its managers, in which the phase of a rotation is, and shows which phases are due for the numbers
    that are asked for. Returns no secret and changes nothing.
  - Runs after M(keelson.cluster.host_facts) ran on the cluster's hosts, once, with a loop over all managers to which it is delegated; the
    result of the last item is the answer.
author: keelson.cluster contributors (@keelson-cluster)
options:
  managers:
    description: Names of all managers of the cluster.
    type: list
    elements: str
    required: true
  facts:
    description: Name of the variable in which the task with M(keelson.cluster.host_facts) registered its result.
    type: str
    required: true
  numbers:
    description: The numbers that are asked for, by the names of what is replaced; empty text for what is not.
    type: dict
    required: true
  last:
    description: The last phase to go through, such as V(prepare).
    type: str
    default: finish
attributes:
  check_mode:
    support: full
    description: Shows the plan. Phases that change secrets are not returned then.
  diff_mode:
    support: none
    description: The plan says what changes.
"""

EXAMPLES = r"""
- name: Plan
  keelson.cluster.rotate_plan:
    managers: "{{ groups.product_managers }}"
    facts: __preflight_facts
    numbers: {ca: 2}
  loop: "{{ groups.product_managers }}"
  delegate_to: "{{ item }}"
  run_once: true
  register: plan
"""

RETURN = r"""
numbers:
  description: The numbers that are asked for, by the names of what is replaced.
  returned: success
  type: dict
phases:
  description: The phases to go through, in order. V(renew) is another certificate for every host, where no number is asked for.
  returned: success
  type: list
  elements: str
hosts:
  description: The hosts that take part.
  returned: success
  type: list
  elements: str
plan:
  description: The plan in words.
  returned: success
  type: list
  elements: str
done:
  description: What is done when the plan is carried out, in words.
  returned: success
  type: str
"""
