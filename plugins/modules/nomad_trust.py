#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Await that all members of a Nomad cluster have taken part in a phase of the rotation of its CA."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nomad_trust
short_description: Await that members of a Nomad cluster trust a CA, and use it
version_added: "0.1.0"
description:
  - Runs on a manager. Connects to the agents of all hosts of the inventory and of all members that live, and waits until each one
    trusts, and shows a certificate of, what the phase of the rotation wants. Changes nothing.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  hosts:
    description: Addresses of the inventory's hosts, by their names.
    type: dict
    required: true
  authorities:
    description: The CA certificates that the cluster accepts, PEM, first the one in use.
    type: list
    elements: str
    required: true
  phase:
    description:
      - After V(prepare) all members that live trust all O(authorities). After V(use) all hosts of the inventory do too, and show a
        certificate of the first. After V(finish) all members that live trust no other.
    type: str
    choices: [prepare, use, finish]
    required: true
  timeout:
    description: Seconds to wait for all of them.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Waits for nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Wait until every member trusts both
  keelson.cluster.nomad_trust:
    cluster: product
    hosts: {m1: 10.0.1.11, web-0: 10.0.2.11}
    authorities: "{{ secrets.payload | keelson.cluster.accepted('ca_certificate') }}"
    phase: prepare
"""

RETURN = r"""
lagging:
  description: What members lack, by their names.
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import rotation
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import wait_for
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import trust
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api

THEN = {
    rotation.PREPARE: "The new CA is not used before they trust it. Repair them or take them out of the cluster",
    rotation.USE: "The old CA stays trusted until all have taken part. Start them, or remove them by playbook remove",
    rotation.FINISH: "Repair them",
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "hosts": {"type": "dict", "required": True},
            "authorities": {"type": "list", "elements": "str", "required": True},
            "phase": {"type": "str", "choices": list(rotation.PHASES), "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params, found = module.params, dict[str, str]()
    if module.check_mode:
        module.exit_json(changed=False, lagging={})

    def probe() -> str | None:
        found.clear()
        found.update(trust.lagging(api, params["hosts"], params["authorities"], params["phase"]))
        return "; ".join(f"{name} {reason}" for name, reason in sorted(found.items())) or None

    try:
        api = Api.from_env(params["cluster"])
        reason = wait_for(probe, params["timeout"], interval=2.0)
    except trust.FAULTS as error:
        module.fail_json(msg=f"The members of {params['cluster']} cannot be asked which CA they trust: {error}")
    if reason:
        module.fail_json(msg=f"After {params['timeout']} s {reason}. {THEN[params['phase']]}, then run the same again.")
    module.exit_json(changed=False, lagging={})


if __name__ == "__main__":
    main()
