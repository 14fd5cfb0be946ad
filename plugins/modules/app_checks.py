#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the instances of the sample application."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_checks
short_description: Check that every instance of the sample application answers this host
version_added: "0.1.0"
description:
  - Runs on any host of the cluster and asks every instance for its data and its page.
options:
  instances:
    description: The instances (C(id), C(host), C(address), C(port)). Those of the running sample application unless given.
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Ask every instance from every host node
  keelson.cluster.app_checks:
  register: verify_app
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.checks.http import answers
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import answer


def main() -> None:
    """Ask and return."""
    arguments = {"instances": {"type": "list", "elements": "dict", "default": []}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    instances = module.params["instances"]
    title, remedy = "Every instance answers this host", "look at the networks and firewalls between the hosts"
    check = answer("app", title, "sample application", remedy, lambda: answers(instances))
    module.exit_json(changed=False, checks=[check])


if __name__ == "__main__":
    main()
