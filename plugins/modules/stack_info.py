# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Read infrastructure stacks
version_added: 0.1.0
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Reads stacks as P(keelson.cluster.stacks#inventory) does, on the host where their files lie or from which their backends are reached.
  - Changes nothing.
options:
  stacks:
    description: Stacks as under C(stacks) of a stacks file. Relative paths start at O(folder).
    type: dict
    required: true
  folder:
    description: The folder that relative paths start at.
    type: path
    default: .
attributes:
  check_mode:
    description: Can run in check mode, since it only reads.
    support: full
  diff_mode:
    description: Will return details on what has changed.
    support: none
  platform:
    description: Target OS families.
    support: full
    platforms: posix
seealso:
  - plugin: keelson.cluster.stacks
    plugin_type: inventory
  - plugin: keelson.cluster.stack_output
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read two stacks
  keelson.cluster.stack_info:
    stacks:
      network: {state: network/terraform.tfstate}
      dns: {outputs: dns.json}
  delegate_to: localhost
  register: infrastructure

- name: Show an output
  ansible.builtin.debug:
    var: infrastructure.stacks.network.outputs.vlans
"""

RETURN = r"""
stacks:
  description: What each stack holds, by its name.
  returned: success
  type: dict
  contains:
    kind: {description: 'terraform, pulumi, cloudformation or static.', type: str, returned: always, sample: terraform}
    place: {description: Where it was read., type: str, returned: always, sample: /srv/stacks/network/terraform.tfstate}
    workspace: {description: The workspace or stack name., type: str, returned: always, sample: default}
    serial: {description: 'The serial of the state, where the source carries one.', type: int, returned: always, sample: 7}
    lineage: {description: 'The identity of the state, where the source carries one.', type: str, returned: always, sample: 4f1b}
    outputs: {description: Outputs without the sensitive ones., type: dict, returned: always, sample: {zone: example.org}}
    sensitive_outputs: {description: Names of the outputs that are left out., type: list, elements: str, returned: always, sample: [token]}
    resources:
      description: Every instance of a resource.
      type: list
      elements: dict
      returned: always
      sample: [{address: 'aws_instance.web[0]', type: aws_instance, mode: managed, note: ''}]
    warnings: {description: What is doubtful about the stack., type: list, elements: str, returned: always, sample: []}
    skipped: {description: 'Objects that do not count, and why.', type: list, elements: dict, returned: always, sample: []}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load, sensitive
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Stack


def public(stack: Stack) -> dict[str, Any]:
    """A stack as the module returns it: nothing sensitive in it."""
    hidden = {name for name, output in stack.outputs.items() if output.sensitive or sensitive.denied(name)}
    return {
        "kind": stack.kind,
        "place": stack.place,
        "workspace": stack.workspace,
        "serial": stack.serial,
        "lineage": stack.lineage,
        "outputs": {
            name: sensitive.strip(output.value)
            for name, output in stack.outputs.items()
            if name not in hidden and not output.fault
        },
        "sensitive_outputs": sorted(hidden),
        "resources": [
            {"address": item.address, "type": item.type, "mode": item.mode, "note": item.note}
            for item in stack.resources
        ],
        "warnings": stack.warnings,
        "skipped": [item._asdict() for item in stack.skipped],
    }


def main() -> None:
    """Read the stacks; a fault of any of them fails with its message."""
    module = AnsibleModule(
        argument_spec={"stacks": {"type": "dict", "required": True}, "folder": {"type": "path", "default": "."}},
        supports_check_mode=True,
    )
    try:
        stacks = load.read(
            module.params["stacks"], os.path.join(os.path.abspath(module.params["folder"]), "stack_info")
        )
    except StackError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, stacks={name: public(stack) for name, stack in stacks.items()})


if __name__ == "__main__":
    main()
