#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issue, revoke and list the tokens with which new hosts join a Nomad cluster by themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_join_token
short_description: Issue, revoke and list join tokens of a Nomad cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. A join token lets new hosts into one pool, so many and until then. The cluster keeps the digest of
    its secret alone, so it is returned once. Use C(no_log), for what it returns is secret.
  - Tokens that ended a week ago are forgotten.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: V(present) issues a new token, V(absent) revokes O(number), V(listed) only lists.
    type: str
    choices: [present, absent, listed]
    default: present
  pool:
    description: Pool that hosts join with the token.
    type: str
  hosts:
    description: How many hosts may join with the token.
    type: int
    default: 1
  hours:
    description: For how long hosts may join with the token.
    type: float
    default: 24
  number:
    description: Number of the token to revoke, the part before the dot.
    type: str
attributes:
  check_mode:
    support: full
    description: Issues and revokes nothing.
  diff_mode:
    support: none
    description: Secrets are never shown.
"""

EXAMPLES = r"""
- name: Let ten hosts into the pool web until tomorrow
  keelson.cluster.nomad_join_token:
    cluster: product
    pool: web
    hosts: 10
  register: token
  no_log: true

- name: Let nobody in any more with a token that got lost
  keelson.cluster.nomad_join_token:
    cluster: product
    state: absent
    number: 5f2d8a01c3e7
"""

RETURN = r"""
token:
  description: The new token, the number and the secret with a dot between; empty in check mode.
  type: str
  returned: when O(state=present)
ca:
  description: The cluster's CA certificate, by which hosts know its managers.
  type: str
  returned: always
tokens:
  description: All tokens, each with C(number), C(pool), C(hosts), C(expires) (seconds since 1970) and C(joined), names of hosts.
  type: list
  elements: dict
  returned: always
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.admission import tokens
from ..module_utils.nomad.admission import Desk
from ..module_utils.nomad.api import ApiError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent", "listed"], "default": "present"},
            "pool": {"type": "str"},
            "hosts": {"type": "int", "default": 1},
            "hours": {"type": "float", "default": 24.0},
            "number": {"type": "str"},
        },
        required_if=[("state", "present", ["pool"]), ("state", "absent", ["number"])],
        supports_check_mode=True,
    )
    params = module.params
    result: dict[str, object] = {"changed": params["state"] == "present"}
    now = time.time()
    try:
        desk = Desk.open(params["cluster"])
        if params["state"] == "present":
            token, result["token"] = tokens.make(params["pool"], params["hosts"], params["hours"] * 3600, now)
            if module.check_mode:
                result["token"] = ""
            else:
                desk.sweep(now)
                desk.write(token)
        elif params["state"] == "absent":
            known = desk.read(params["number"])[0] is not None
            result["changed"] = known if module.check_mode else desk.revoke(params["number"])
        listed = [
            {
                "number": token.number,
                "pool": token.pool,
                "hosts": token.hosts,
                "expires": token.expires,
                "joined": [name for name, _key in token.joined],
            }
            for token in desk.tokens()
        ]
        with open(desk.api.ca_file, encoding="ascii") as file:
            result["ca"] = file.read()
    except (ApiError, OSError) as error:
        module.fail_json(msg=f"The join tokens of {params['cluster']} cannot be reached: {error}")
    module.exit_json(**result, tokens=listed)


if __name__ == "__main__":
    main()
