# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_output
short_description: A value of an infrastructure stack
version_added: 0.1.0
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Reads stacks as P(keelson.cluster.stacks#inventory) does and returns the outputs that the terms refer to.
  - The values are untrusted text and are never templated.
options:
  _terms:
    description: References, C(STACK.outputs.NAME[.path]).
    required: true
  file:
    description: The stacks file. By default the one of the inventory sources that ends in C(.stacks.yml) or C(.stacks.yaml), when there is one only.
    type: path
  stacks:
    description: Stacks as under C(stacks) of such a file, in its place. Relative paths start at the working directory.
    type: dict
  sensitive:
    description: Whether sensitive outputs are returned too. Put C(no_log) on what uses them.
    type: bool
    default: false
seealso:
  - plugin: keelson.cluster.stacks
    plugin_type: inventory
  - module: keelson.cluster.stack_info
"""

EXAMPLES = r"""
- name: Show an output of a stack of the inventory
  ansible.builtin.debug:
    msg: "{{ lookup('keelson.cluster.stack_output', 'network.outputs.vlans') }}"

- name: Show an output of a stack that no inventory names
  ansible.builtin.debug:
    msg: "{{ lookup('keelson.cluster.stack_output', 'dns.outputs.zone', stacks={'dns': {'state': 'dns/terraform.tfstate'}}) }}"
"""

RETURN = r"""
_raw:
  description: One value for each term.
  type: list
  elements: raw
"""

import os
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import config, load, lookup
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError


class LookupModule(LookupBase):
    """Follows references into stacks."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """One value a term; AnsibleError names the stack and the remedy."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            stacks, path = self._stacks(variables or {})
            asked = {str(term).split(".", 1)[0] for term in terms}
            found = load.read({name: entry for name, entry in stacks.items() if name in asked} or stacks, path)
            allow = self.get_option("sensitive")
            consent = "Say `sensitive=true` to get it, and put `no_log` on the task"
            return [lookup.output(str(term), found, "stack_output", allow, consent) for term in terms]
        except StackError as error:
            raise AnsibleError(str(error)) from None

    def _stacks(self, variables: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The `stacks:` block, and the file whose folder relative paths start at."""
        if self.get_option("stacks"):
            return self.get_option("stacks"), os.path.join(os.getcwd(), "stack_output")
        sources = variables.get("ansible_inventory_sources") or []
        files = [self.get_option("file")] if self.get_option("file") else [str(source) for source in sources]
        files = [path for path in files if self.get_option("file") or path.endswith((".stacks.yml", ".stacks.yaml"))]
        if len(files) != 1:
            raise StackError(
                "stack_output",
                f"finds {len(files)} stacks files in the inventory",
                "Name one with `file=`, or give `stacks=`",
            )
        document = config.mapping(self._loader.load_from_file(files[0]), files[0])
        return config.mapping(document.get("stacks"), f"{files[0]}: stacks"), files[0]
