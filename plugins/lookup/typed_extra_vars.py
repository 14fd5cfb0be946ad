# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give the extra variables of a run the types that the collection specifies."""

from __future__ import annotations

DOCUMENTATION = r"""
name: typed_extra_vars
version_added: "0.1.0"
short_description: Give the extra variables of a run their types
description:
  - Returns its terms. The extra variables of the run (C(-e NAME=VALUE), answers of an AWX survey) are text; those that a role or
    a playbook of this collection specifies as a boolean or a number have that type afterwards, in all plays and on all hosts. So have
    those that a playbook specifies as a list, written with commas.
  - An empty answer to a question about a playbook's variable, a boolean or a number counts as none.
  - A value that a playbook's variable cannot have, and a name that is nearly one of these, end the run.
  - It works in the C(hosts) of a play only, which Ansible reads in its main process. M(keelson.cluster.cluster_select) does the same
    for variables of the inventory.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: What is returned.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Choose the cluster
  hosts: "{{ lookup('keelson.cluster.typed_extra_vars', 'localhost') }}"
  tasks: []
"""

RETURN = r"""
_list:
  description: The terms.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Convert the extra variables where Ansible keeps them: nothing else has their precedence. Raises AnsibleLookupError."""
        given = load_extra_vars(self._loader)
        for name in variable_types.empty(given):
            del given[name]
        given.update(variable_types.converted(given))
        told = variable_types.faults(variable_types.read(given, self._templar.template), given)
        if "_raw_params" in given:  # Ansible drops the words of -e NAME=VALUE that follow a space
            told.append(
                f"-e: {given['_raw_params']!r} belongs to no variable; a value with spaces is written as "
                """-e '{"NAME": "VALUE"}', a list without spaces"""
            )
        if told:
            raise AnsibleLookupError(f"{'; '.join(told)}. Nothing was changed")
        return terms
