# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the tasks that the components of a host have for a step of a role."""

from __future__ import annotations

DOCUMENTATION = r"""
name: component_tasks
version_added: "0.1.0"
short_description: The tasks that the components of a host have for a step of a role
description:
  - Returns paths of task files, the engine's first, for C(include_tasks) in a loop.
  - A component of this collection has them in C(roles/ROLE/tasks/COMPONENT/STEP.yml); one of another collection in its role
    of the component's name, C(roles/COMPONENT/tasks/ROLE/STEP.yml). A component without such a file has nothing to do there.
author: keelson.cluster contributors (@keelson-cluster)
options:
  _terms:
    description: Steps as C(ROLE/STEP).
    type: list
    elements: str
    required: true
  only:
    description: Name of a component, whose tasks alone are returned, whether the host's variables enable it or not. All unless set.
    type: str
    default: ""
  also:
    description:
      - Names of components that have placed something on the host, whose tasks are returned too. One that is not installed here any
        more is named in a warning.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Prepare the host node for its components
  ansible.builtin.include_tasks: "{{ __component_tasks }}"
  loop: "{{ lookup('keelson.cluster.component_tasks', 'host_node/prepare') }}"
  loop_control:
    loop_var: __component_tasks
"""

RETURN = r"""
_list:
  description: Absolute paths of task files.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.keelson.cluster.plugins.plugin_utils import components


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[list[str]]:
        """Look for the files; the one element is the list, so that C(lookup) gives a list even of one path."""
        only = str(kwargs.get("only") or "")
        given = self._templar.template({key: (variables or {}).get(key) for key in VARIABLES})
        try:
            found = components.alone(only, given, ALONE) if only else components.of(given)
        except components.ComponentError as error:
            raise AnsibleLookupError(str(error)) from error
        if not only:
            more, unknown = components.placed(kwargs.get("also") or [], found)
            found = (*found, *more)
            for name in unknown:
                Display().warning(f"the component {name} is not installed here: what it placed on the host stays there")
        steps = [term.partition("/") for term in terms]
        return [[path for role, _slash, step in steps for path in components.tasks(found, role, step, only)]]


ALONE = "uninstall_component"  # of the playbook that takes one component away
VARIABLES = ("cluster_engine", components.ENABLED)
