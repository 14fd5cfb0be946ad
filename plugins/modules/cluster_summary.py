#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell at the end of a run what was made and how to use it. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_summary
short_description: Tell at the end of a run what was made and how to use it
version_added: "0.1.0"
description:
  - Runs on the controller for a manager of the cluster. Shows how many hosts the cluster has, how long the run took, where the
    API is and how to log in.
author: keelson.cluster contributors (@keelson-cluster)
options:
  done:
    description: What the run did, one word.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Says what would be done.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Tell how to use the cluster
  keelson.cluster.cluster_summary:
    done: installed
  run_once: true
"""

RETURN = r"""
summary:
  description: The text that was shown.
  type: str
  returned: success
"""
