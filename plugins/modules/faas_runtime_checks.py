#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the function runtime on one manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: faas_runtime_checks
short_description: Check the function runtime on a manager
version_added: "0.1.0"
description:
  - Runs on a manager. Asks its gateway and its NATS server how they are and, where asked, Nomad for the job of every function.
options:
  cluster:
    description: The cluster's name, which names its directory in C(/etc/keelson).
    type: str
    required: true
  managers:
    description: The managers' addresses by their names.
    type: dict
    required: true
  nodes:
    description: The host nodes, each with C(name), C(address) and C(pool).
    type: list
    elements: dict
    default: []
  whole:
    description: Whether the whole cluster is looked at, not only this manager.
    type: bool
    default: true
  days:
    description:
      - Days that certificates must at least be valid for. M(keelson.cluster.host_checks) looks at them; this module does not.
    type: float
    default: 14
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Look at the function runtime
  keelson.cluster.faas_runtime_checks:
    cluster: product
    managers: {manager-1: 10.0.1.11, manager-2: 10.0.1.12, manager-3: 10.0.1.13}
    nodes: [{name: web-1, address: 10.0.2.11, pool: web}]
  register: verify_cluster
"""

RETURN = r"""
checks:
  description:
    - The checks with their answers. C(check) is the kind, C(target) what was asked about, C(passed) whether all is well,
      C(evidence) what was seen, C(remedy) what to do where it failed, C(seconds) how long it took.
  returned: always
  type: list
  elements: dict
  sample:
    - check: service
      title: The service is active
      host: manager-1
      target: nomad.service
      passed: true
      evidence: active, 0 restarts
      remedy: ""
      seconds: 0.01
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import failure
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.checks import checks
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError

ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "managers": {"type": "dict", "required": True},
    "nodes": {"type": "list", "elements": "dict", "default": []},
    "whole": {"type": "bool", "default": True},
    "days": {"type": "float", "default": 14},
}


def main() -> None:
    """Ask and return."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    try:
        api = Api.from_env(given["cluster"])
    except ApiError as error:
        unasked = failure("access", "The manager's API can be asked", str(error), "run the install playbook")
        module.exit_json(changed=False, checks=[unasked])
    module.exit_json(changed=False, checks=checks(api, len(given["managers"]), given["whole"]))


if __name__ == "__main__":
    main()
