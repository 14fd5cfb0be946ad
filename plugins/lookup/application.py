# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application's data for one environment."""

from __future__ import annotations

DOCUMENTATION = r"""
name: application
version_added: "0.1.0"
short_description: An application's data for one environment
description:
  - Reads files that describe applications, checks them, and returns each with what is different in the environment.
  - With O(placement), fails where the application may not run on the cluster's pool in that environment, and puts it into
    the namespace that the placement has for it there.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: The files.
    type: list
    elements: path
    required: true
  environment:
    description: The environment.
    type: str
    default: ''
  cluster:
    description: The cluster on which it is to run. Needed with O(placement).
    type: str
    default: ''
  placement:
    description: The placement file.
    type: path
  state:
    description: V(absent) for an application that is to be removed, which O(placement) needs not allow there any more.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Show how many instances there are in production
  ansible.builtin.debug:
    msg: "{{ lookup('keelson.cluster.application', 'shop.yml', environment='production').instances }}"
"""

RETURN = r"""
_list:
  description: The applications, as M(keelson.cluster.application) takes them.
  type: list
  elements: dict
"""

import os
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.keelson.cluster.plugins.plugin_utils import application
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Read each file."""
        self.set_options(var_options=variables, direct=kwargs)
        environment, cluster = self.get_option("environment"), self.get_option("cluster")
        try:
            found = [application.load(os.path.expanduser(term), environment) for term in terms]
            if self.get_option("placement"):
                placement = model.load(self.get_option("placement"))
                leaves = self.get_option("state") == "absent"
                found = [
                    application.placed(placement, app, cluster, environment, term, leaves)
                    for term, app in zip(terms, found)
                ]
            return found
        except UserError as error:
            raise AnsibleLookupError(str(error)) from error
