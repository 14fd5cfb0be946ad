# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a placement file means for a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
name: placement
version_added: "0.1.0"
short_description: What a placement file means for a cluster
description:
  - Returns for each cluster its namespaces as C(cluster_namespaces) takes them, the taints of its pools, and what its engine cannot
    enforce. The file is checked first.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: Names of clusters.
    type: list
    elements: str
    required: true
  file:
    description: The placement file.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Show the namespaces of a cluster
  ansible.builtin.debug:
    msg: "{{ lookup('keelson.cluster.placement', 'product', file='placement.yml').namespaces }}"
"""

RETURN = r"""
_list:
  description: For each cluster C(engine), C(namespaces), C(taints) by pool and C(limits).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model, render
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Render each cluster."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            placement = model.load(self.get_option("file"))
            return [render.cluster(placement, name) for name in terms]
        except UserError as error:
            raise AnsibleLookupError(str(error)) from error
