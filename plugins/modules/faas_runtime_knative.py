#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the functions of a Kubernetes cluster to what is declared; the action of the same name reads the declaration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: faas_runtime_knative
short_description: Deploy the functions of a Kubernetes cluster
version_added: "0.1.0"
description:
  - Runs on a manager. Applies a service of Knative for each function, in the namespace of its tenant, with its code and its
    network policies, and removes those of functions that are not declared any more.
  - The action reads O(tenants) and O(functions) on the controller, with every fault named by file and line before anything is
    changed, and compares each artifact with its digest.
extends_documentation_fragment: [keelson.cluster.functions]
options:
  image:
    description: Container image of functions that have an artifact and no image of their own. Needed where they are present.
    type: str
  closed:
    description: Networks that no function reaches, whatever its egress list says.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for Knative, which runs on host nodes. With 0 nothing is done before it is there, and RV(deferred)
        says so. With O(state=absent) for each of its steps, after which what holds functions back is released without Knative.
    type: int
    default: 0
  objects:
    description: Set by the action, the functions in the form of the API.
    type: list
    elements: dict
    default: []
  places:
    description: Set by the action, where in which file the secrets of each function stand.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Says what would be changed.
  diff_mode:
    support: full
    description: Shows each object before and after.
"""

EXAMPLES = r"""
- name: Deploy the functions
  keelson.cluster.faas_runtime_knative:
    cluster: product
    tenants: "{{ faas_tenants }}"
    functions: "{{ faas_functions }}"
    image: keelson.local/faas-python:1.0.0
    timeout: 300
  run_once: true
"""

RETURN = r"""
changes:
  description: What was, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
address:
  description: URL of the runtime's gateway inside the cluster, empty before there is one.
  type: str
  returned: always
deferred:
  description: Whether Knative is not there yet, so that nothing was done.
  type: bool
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes import deploy, removal
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError


def main() -> None:
    """Compare and apply."""
    lists = {name: {"type": "list", "elements": "dict", "default": []} for name in ("tenants", "functions", "objects")}
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **lists,
            "image": {"type": "str"},
            "closed": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 0},
            "places": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ["image"])],
        supports_check_mode=True,
    )
    given = module.params
    try:
        api = Api.from_env(given["cluster"])
        if given["state"] == "absent":
            gone = removal.remove(api, given["timeout"], module.check_mode)
            module.exit_json(changed=bool(gone), changes=gone, address="", deferred=False)
        if not deploy.ready(api, 0 if module.check_mode else given["timeout"]):
            module.exit_json(changed=False, changes=[], address=deploy.address(api), deferred=True)
        found = deploy.apply(api, given["objects"], module.check_mode, given["places"])
        where = deploy.address(api)
    except (ApiError, deploy.NotReady, removal.InUse, removal.Stuck) as error:
        module.fail_json(msg=str(error))
    diff = {"before": found.before, "after": found.after}
    module.exit_json(changed=bool(found.changes), changes=found.changes, address=where, deferred=False, diff=diff)


if __name__ == "__main__":
    main()
