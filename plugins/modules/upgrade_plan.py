# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: upgrade_plan
short_description: Plan the upgrade of a cluster
version_added: "0.1.0"
description:
  - Runs on the controller, once, after M(keelson.cluster.host_facts) ran on the cluster's hosts. Shows the plan and changes nothing.
  - The plan comes from what members run and where the links of their artifacts lead, so a run that was cut off is gone on with.
author: keelson.cluster contributors (@keelson-cluster)
options:
  facts:
    description: Name of the variable in which the task with M(keelson.cluster.host_facts) registered its result.
    type: str
    required: true
  to:
    description: Version of the engine; that of the cluster's variables, else the manifest's first, when it is empty.
    type: str
    default: ""
  max_unavailable:
    description: How many host nodes of a pool are changed at once, as a number or a percentage.
    type: raw
    default: 1
  pause_after:
    description: A pool after which the run ends; it is the first one then.
    type: str
    default: ""
  by:
    description: V(replace) plans new servers for the first batch of host nodes, and leaves the others to the next runs.
    type: str
    choices: [in_place, replace]
    default: in_place
  bundle:
    description: Directory or address of the bundle, the controller's own below its cache directory unless given.
    type: str
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
  keelson.cluster.upgrade_plan:
    facts: __preflight_facts
    to: 1.11.3
  run_once: true
  register: plan
"""

RETURN = r"""
version:
  description: The version of the engine.
  returned: success
  type: str
versions:
  description: By part of the cluster, the version of each artifact.
  returned: success
  type: dict
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
later:
  description: Host nodes that the next run changes, after the pause; they are brought their artifacts too.
  returned: success
  type: list
  elements: str
replaced:
  description: Host nodes that get new servers in this run.
  returned: success
  type: list
  elements: str
sizes:
  description: How many of RV(nodes) are changed at once, batch by batch.
  returned: success
  type: list
  elements: int
requests:
  description: By host and component, the artifacts that the host must be brought.
  returned: success
  type: dict
acting_manager:
  description: A manager that answers, also where the run leaves it out.
  returned: success
  type: str
live_managers:
  description: The addresses of the managers that are well.
  returned: success
  type: list
  elements: str
runtime:
  description: The container runtime of the engine.
  returned: success
  type: str
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
