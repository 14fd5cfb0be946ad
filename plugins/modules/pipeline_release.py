# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: pipeline_release
short_description: Record, promote, show and compare releases
version_added: 0.1.0
description:
  - Runs on the controller. A release record names what was tested together, each part by its digest. It can be made only of what
    passed the stage that the pipeline names, and goes from one environment to the next.
options:
  state:
    description: What is done.
    type: str
    choices: [record, show, diff, promote, evidence]
    default: show
  name:
    description: Name of the release that is promoted.
    type: str
    default: ""
  environment:
    description: The environment that gets it.
    type: str
    default: ""
  by:
    description: Who promotes; unless given, the account that runs Ansible.
    type: str
    default: ""
  compare:
    description: Two environments, releases, or files of evidence (C(.json)).
    type: list
    elements: str
    default: []
  placement:
    description: Placement file, for evidence.
    type: path
    default: ""
  regime:
    description: The regime that evidence is about.
    type: str
    default: ""
  reports:
    description: For evidence, reports of verify (C(report.json)) besides those that stages of the pipeline have recorded.
    type: list
    elements: path
    default: []
  output:
    description: File of the evidence.
    type: path
    default: evidence.json
extends_documentation_fragment:
  - keelson.cluster.pipeline
"""

EXAMPLES = r"""
- name: Promote a release
  keelson.cluster.pipeline_release:
    file: pipelines/cluster.yml
    state: promote
    name: cluster-3
    environment: prod
"""

RETURN = r"""
release:
  description: What was recorded; the record that there was already, where nothing has changed since.
  type: dict
  returned: with V(record) and V(promote)
environments:
  description: Which release each environment has.
  type: dict
  returned: with V(show)
releases:
  description: All records.
  type: list
  elements: dict
  returned: with V(show)
differences:
  description: For each part that differs, both digests or texts.
  type: dict
  returned: with V(diff)
evidence:
  description: Path of the signed file.
  type: str
  returned: with V(evidence)
"""
