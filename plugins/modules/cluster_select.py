#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose the cluster of the run. The work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_select
short_description: Make sure that a run is about one cluster
version_added: "0.1.0"
description:
  - Runs on the controller. Fails unless the inventory has the requested cluster, or just one cluster where none is requested.
  - Fails as well for tags, since a step that is left out is missed by later ones.
  - Without it a misspelt name would match no host, and the run would end well without having done anything.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: A cluster's group, or V(clusters) for the only one of the inventory.
    type: str
    default: clusters
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Choose the cluster
  keelson.cluster.cluster_select:
    cluster: "{{ cluster | default('clusters') }}"
"""

RETURN = r"""
cluster:
  description: The cluster's name.
  type: str
  returned: success
parts:
  description: V(manager) or V(node) by the name of each host of the cluster.
  type: dict
  returned: success
variables:
  description: For each host, variables of the inventory that are text for a boolean or a number, with the type that is specified.
  type: dict
  returned: success
"""
