# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_check
short_description: Check a stacks file against the code of its stacks
version_added: 0.1.0
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Reads the code of the stacks, before anything is applied, and checks that every reference of the stacks file is satisfied by a declared output or
    resource, that kinds agree where the code tells them, and that the networks do not overlap and hold the pools at their maximum size.
  - Runs C(fmt -check), and C(validate) in folders that are initialised, where C(terraform) or C(tofu) is on PATH.
  - Changes nothing.
requirements: [python-hcl2, PyYAML]
options:
  file:
    description: The stacks file.
    type: path
    required: true
  code:
    description: The folder of each stack's code, where it is not the one of its state. Relative paths start at the folder of O(file).
    type: dict
    default: {}
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
"""

EXAMPLES = r"""
- name: Check before anything is applied
  keelson.cluster.stack_check:
    file: product.stacks.yml
    code:
      network: stacks/network
  delegate_to: localhost
"""

RETURN = r"""
checks:
  description: Every finding.
  returned: always
  type: list
  elements: dict
  contains:
    title: {description: What was checked., type: str, returned: always, sample: 'clusters.product.endpoint: network.outputs.api'}
    passed: {description: 'Whether it holds; null where that cannot be known yet.', type: bool, returned: always, sample: true}
    evidence: {description: What was found., type: str, returned: always, sample: declared in stacks/network}
    remedy: {description: What to do., type: str, returned: always, sample: Declare it}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load, offline
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError


def main() -> None:
    """Check, and fail with every fault at once."""
    module = AnsibleModule(
        argument_spec={"file": {"type": "path", "required": True}, "code": {"type": "dict", "default": {}}},
        supports_check_mode=True,
    )
    path = module.params["file"]
    checks: list[dict[str, Any]] = []
    try:
        checks = [check._asdict() for check in offline.check(load.document(path), path, module.params["code"])]
    except StackError as error:
        module.fail_json(msg=str(error), checks=checks)
    faults = [
        f"{check['title']}: {check['evidence']}. {check['remedy']}." for check in checks if check["passed"] is False
    ]
    if faults:
        module.fail_json(msg=" ".join(faults), checks=checks)
    module.exit_json(changed=False, checks=checks)


if __name__ == "__main__":
    main()
