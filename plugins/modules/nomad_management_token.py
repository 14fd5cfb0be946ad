#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the next management token of a Nomad cluster, or revoke those before."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_management_token
short_description: Make a management token of a Nomad cluster, or revoke those before
version_added: "0.1.0"
description:
  - Runs on a manager, with the token that this one has. Tokens are known by their names, which have a number, so one that a run which
    was cut off has made is found and not made again. Other management tokens are left alone.
  - Use C(no_log) on every task with this module, for what it returns is secret.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  number:
    description: Number of the token; the one of the bootstrap has 1.
    type: int
    required: true
  state:
    description: >-
      V(present) makes it where there is none and returns its secret. V(alone) revokes the tokens of other numbers, and is refused unless
      this manager uses the one of the number.
    type: str
    choices: [present, alone]
    default: present
attributes:
  check_mode:
    support: full
    description: Says whether a token would be made or revoked.
  diff_mode:
    support: none
    description: Tokens are never shown.
"""

EXAMPLES = r"""
- name: Have a second management token
  keelson.cluster.nomad_management_token:
    cluster: product
    number: 2
  register: token
  no_log: true
"""

RETURN = r"""
secret:
  description: The secret of the token, empty where it would be made or O(state=alone).
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import acl
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "number": {"type": "int", "required": True},
            "state": {"type": "str", "choices": ["present", "alone"], "default": "present"},
        },
        supports_check_mode=True,
    )
    cluster, number, check = module.params["cluster"], module.params["number"], module.check_mode
    secret = ""
    try:
        api = Api.from_env(cluster)
        name, held = acl.name_of(number), acl.ours(api)
        if module.params["state"] == "present":
            changed = name not in held
            if not (changed and check):
                secret = acl.make(api, number) if changed else acl.secret(api, held[name])
        else:
            own = api.get("/v1/acl/token/self")["Name"]
            if own != name:
                raise ApiError(0, f"this manager uses {own}, not {name}; run the rotate playbook again")
            others = [accessor for one, accessor in held.items() if one != name]
            changed = bool(others)
            for accessor in [] if check else others:
                acl.revoke(api, accessor)
    except ApiError as error:
        module.fail_json(msg=f"The management token of {cluster} cannot be replaced: {error}")
    module.exit_json(changed=changed, secret=secret)


if __name__ == "__main__":
    main()
