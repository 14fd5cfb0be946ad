#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the functions of a cluster to what is declared; the action of the same name reads the declaration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: faas_runtime_functions
short_description: Deploy the functions of a cluster
version_added: "0.1.0"
description:
  - Runs on a manager. Registers a job for each function, in the namespace of its tenant, removes jobs of functions that are not
    declared any more, and writes the policies of the gateway's tokens and of the tenants.
  - The action reads O(tenants) and O(functions) on the controller, with every fault named by file and line before anything is
    changed, and compares each artifact with its digest.
extends_documentation_fragment: [keelson.cluster.functions]
options:
  jobs:
    description: Set by the action, the functions in the form of the engine's API.
    type: list
    elements: dict
    default: []
  secrets:
    description: Set by the action, the secrets that each function names.
    type: dict
    default: {}
  policies:
    description: Set by the action, the rules of the gateway's token and of each tenant's policy, by their names.
    type: dict
    default: {}
  places:
    description: Set by the action, where in which file the secrets of each function stand.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Says which functions would be deployed or removed.
  diff_mode:
    support: none
    description: The result lists what was done.
"""

EXAMPLES = r"""
- name: Deploy the functions
  keelson.cluster.faas_runtime_functions:
    cluster: product
    tenants: "{{ faas_tenants }}"
    functions: "{{ faas_functions }}"
  run_once: true
"""

RETURN = r"""
changes:
  description: What was, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad import deploy, removal
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Compare and apply."""
    lists = {name: {"type": "list", "elements": "dict", "default": []} for name in ("tenants", "functions", "jobs")}
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **lists,
            "secrets": {"type": "dict", "default": {}, "no_log": False},
            "policies": {"type": "dict", "default": {}},
            "places": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        api = Api.from_env(given["cluster"])
        if given["state"] == "absent":
            gone = removal.remove(api, module.check_mode)
            module.exit_json(changed=bool(gone), changes=gone)
        found = deploy.read(api, given["jobs"], [tenant["name"] for tenant in given["tenants"]])
        deploy.secrets_present(api, found, given["secrets"], given["places"])
        rights = (
            deploy.policies_changed(api, given["policies"])
            if module.check_mode
            else deploy.apply(api, found, given["policies"])
        )
    except (ApiError, deploy.SecretMissing, removal.InUse) as error:
        module.fail_json(msg=str(error))
    changes = [*found.lines(), *(f"the policy {name} is written or removed" for name in rights)]
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
