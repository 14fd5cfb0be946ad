# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: remove_plan
short_description: Plan the removal of members by name
version_added: "0.1.0"
description:
  - Runs on the controller, once, after M(keelson.cluster.host_facts) ran on the cluster's hosts. Changes nothing.
  - Refuses names that neither the inventory nor the cluster has, and a removal that would cost the managers their quorum.
author: keelson.cluster contributors (@keelson-cluster)
options:
  facts:
    description: Name of the variable in which the task with M(keelson.cluster.host_facts) registered its result.
    type: str
    required: true
  hosts:
    description: Names of hosts or members.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Plan
  keelson.cluster.remove_plan:
    facts: __preflight_facts
    hosts: [web-2]
  run_once: true
  register: plan
"""

RETURN = r"""
members:
  description: The members to remove, each with C(name), C(address), C(part) and C(id).
  returned: success
  type: list
  elements: dict
drain:
  description: Those of them that are host nodes and live.
  returned: success
  type: list
  elements: dict
dead:
  description: Those of the members whose hosts are not emptied first.
  returned: success
  type: list
  elements: dict
live:
  description: Hosts that answer and have something of the cluster on them.
  returned: success
  type: list
  elements: str
acting_manager:
  description: A manager that stays.
  returned: success
  type: str
done:
  description: What is done when the plan is carried out, in words.
  returned: success
  type: str
"""
