# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: pipeline_stage
short_description: Run a stage of a pipeline, or decide about one
version_added: 0.1.0
description:
  - Runs on the controller. Refuses a stage whose gates are shut, or whose inputs are not what the stages before have tested.
  - Runs the stage's playbooks in turn, each with C(ansible-playbook) and the inventory of this run, then those that clean up, also
    when one has failed. Records result, digests of the inputs, duration, approvals and report in the pipeline's directory, signed.
options:
  stage:
    description: Name of the stage.
    type: str
    required: true
  state:
    description:
      - V(run) runs it, V(approve) and V(deny) decide about it, for exactly the results that the stages before have now.
      - V(reap) cleans up after runs that began, never ended and are older than their stage's C(expires_hours).
    type: str
    choices: [run, approve, deny, reap]
    default: run
  by:
    description: Who decides, or who starts the stage; for the latter, unless given, the account that runs Ansible.
    type: str
    default: ""
  reason:
    description: Why.
    type: str
    default: ""
  variables:
    description: Extra variables of the playbooks; they win over those of the stage.
    type: dict
    default: {}
extends_documentation_fragment:
  - keelson.cluster.pipeline
"""

EXAMPLES = r"""
- name: Run a stage
  keelson.cluster.pipeline_stage:
    file: pipelines/cluster.yml
    stage: test
"""

RETURN = r"""
entry:
  description: What was recorded.
  type: dict
  returned: success, but not when left runs are cleaned up
triggers:
  description: Stages that this one triggers, C(STAGE) or C(PIPELINE:STAGE); whoever starts stages starts them.
  type: list
  elements: str
  returned: when a stage was run
cleaned:
  description: Runs after which was cleaned up.
  type: list
  elements: str
  returned: with V(reap)
"""
