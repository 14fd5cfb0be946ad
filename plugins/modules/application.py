#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy an application on any engine. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: application
short_description: Deploy an application
version_added: "0.1.0"
description:
  - Runs the module of the cluster's engine (C(cluster_engine)), such as M(keelson.cluster.nomad_application), on a manager.
  - A release that does not come up is taken back to the one before; a first one is removed. The task fails then, with the cause.
author: keelson.cluster contributors (@keelson-cluster)
extends_documentation_fragment:
  - keelson.cluster.application
"""

EXAMPLES = r"""
- name: Deploy
  keelson.cluster.application:
    cluster: "{{ cluster_name }}"
    application: "{{ lookup('keelson.cluster.application', 'shop.yml', environment='production') }}"
  run_once: true
"""

RETURN = r"""
artifacts:
  description: By pool, the artifacts of the bundle that images of deployed applications belong to. '' has those of every pool.
  returned: when O(state) is V(listed)
  type: dict
  sample: {"": [], web: [shop]}
"""
