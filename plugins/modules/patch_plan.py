# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: patch_plan
short_description: Plan updates of the operating system and reboots
version_added: "0.1.0"
description:
  - Runs on the controller, once, after M(keelson.cluster.host_facts) and M(keelson.cluster.host_updates) ran on the cluster's hosts.
    Shows the plan and changes nothing.
  - The plan comes from what hosts and members say of themselves, so a run that was cut off is gone on with.
author: keelson.cluster contributors (@keelson-cluster)
options:
  facts:
    description: Name of the variable in which the task with M(keelson.cluster.host_facts) registered its result.
      Without it and O(found), only the other options are checked.
    type: str
  found:
    description: Name of the variable in which the task with M(keelson.cluster.host_updates) registered its result.
    type: str
  packages:
    description: Which updates, V(security), V(all) or V(none).
    type: str
    default: security
  reboot:
    description: When hosts are rebooted, where it is V(needed), V(always) or V(never).
    type: str
    default: needed
  max_unavailable:
    description: How many host nodes of a pool are changed at once, as a number or a percentage.
    type: raw
    default: 1
attributes:
  check_mode:
    support: full
    description: Shows the plan.
  diff_mode:
    support: none
    description: The plan says what changes.
"""

EXAMPLES = r"""
- name: Plan
  keelson.cluster.patch_plan:
    facts: __preflight_facts
    found: __patch_found
  run_once: true
  register: plan
"""

RETURN = r"""
managers:
  description: Managers in the order in which they are changed.
  returned: success
  type: list
  elements: str
nodes:
  description: Host nodes in the order in which they are changed.
  returned: success
  type: list
  elements: str
sizes:
  description: How many of RV(nodes) are changed at once, batch by batch.
  returned: success
  type: list
  elements: int
steps:
  description: By host that is changed, its line of the plan.
  returned: success
  type: dict
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
