# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: pipeline_render
short_description: Write a pipeline as files of the tools that start its stages
version_added: 0.1.0
description:
  - Runs on the controller. Each tool starts the same command for a stage; the tool only decides when.
author: keelson.cluster contributors (@keelson-cluster)
options:
  file:
    description: The pipeline's file.
    type: path
    required: true
  directory:
    description: Folder below which the files are written.
    type: path
    default: .
  tools:
    description: Which files are written, C(.gitlab-ci.yml), C(.github/workflows/NAME.yml), C(Makefile), C(awx/NAME.yml).
    type: list
    elements: str
    choices: [gitlab, github, make, awx]
    required: true
attributes:
  check_mode:
    support: full
    description: Says which files would be written.
  diff_mode:
    support: none
    description: Shows no differences.
"""

EXAMPLES = r"""
- name: Write the file of GitLab CI
  keelson.cluster.pipeline_render:
    file: pipelines/cluster.yml
    tools: [gitlab]
"""

RETURN = r"""
files:
  description: Files that were written, or would be.
  type: list
  elements: str
  returned: success
"""
