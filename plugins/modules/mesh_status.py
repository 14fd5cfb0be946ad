#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell what the sidecars of a host are at."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_status
short_description: Tell who may call the services of a host, and why calls failed
version_added: "0.1.0"
description:
  - For each sidecar of the host it tells who may call its service, whether the newest configuration is in use, when its
    certificate ends, and which calls failed on which side for which reason, from its access log. A call that the allow rules
    refused is told with the rule that is nearest to it.
  - With O(caller) it also judges one call by what is in use, without making it.
  - It changes nothing.
options:
  service:
    description: The service, gateway or destination, as TENANT/NAME. Without it, all of the host.
    type: str
    default: ""
  minutes:
    description: How far back failed calls are looked for.
    type: int
    default: 60
  caller:
    description: Judge a call of this service or gateway, TENANT/NAME, to O(service).
    type: str
    default: ""
  method:
    description: The method of the call that is judged.
    type: str
    default: GET
  path:
    description: Its path.
    type: str
    default: /
author: keelson.cluster contributors (@keelson-cluster)
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - It needs the rights of root on the host.
"""

EXAMPLES = r"""
- name: Why was the call refused?
  keelson.cluster.mesh_status:
    service: shop/orders
    minutes: 10
  register: mesh

- name: Which rule on which side refuses it?
  keelson.cluster.mesh_status:
    service: shop/orders
    caller: shop/front
    method: DELETE
    path: /orders/7
  register: mesh
"""

RETURN = r"""
sidecars:
  description: The sidecars of the host.
  returned: always
  type: list
  elements: dict
  sample:
    - service: shop/orders
      identity: spiffe://product.mesh/ns/shop/svc/orders
      address: 10.0.0.21:8081
      state: LIVE
      not_in_use: []
      certificate_ends: "2026-11-30T02:14:00Z"
      may_call: ["shop/front GET,POST /orders*"]
      calls: ["shop/stock at 127.0.0.1:18082"]
      failed:
        - side: inbound
          caller: shop/front
          called: shop/orders
          method: DELETE
          path: /orders
          status: "403"
          why: allow[0] (shop/front GET,POST /orders*) has not the method DELETE
          count: 2
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.mesh.places import host
from ansible_collections.keelson.cluster.plugins.module_utils.mesh_envoy import status


def main() -> None:
    """Look and return."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "service": text,
            "minutes": {"type": "int", "default": 60},
            "caller": text,
            "method": {"type": "str", "default": "GET"},
            "path": {"type": "str", "default": "/"},
        },
        required_by={"caller": ["service"]},
        supports_check_mode=True,
    )
    call = module.params if module.params["caller"] else None
    try:
        chosen = status.chosen(host()["sidecars"], module.params["service"], module.params["caller"])
        module.exit_json(changed=False, sidecars=[status.of(one, module.params["minutes"], call) for one in chosen])
    except (OSError, ValueError, KeyError) as error:
        module.fail_json(msg=f"the host's part of the mesh cannot be read ({error}); run the playbook mesh")


if __name__ == "__main__":
    main()
