#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have everything in a Kubernetes cluster trust the CAs that its managers trust."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_trust
short_description: Have everything in a Kubernetes cluster trust its CAs
version_added: "0.1.0"
description:
  - Runs on a manager, when all members have taken part in a phase of the CA's rotation. The cluster's objects name the CAs of this
    manager's files, all namespaces give them to pods, and workloads of the cluster itself that ask the API are started anew, one after
    the other, for they read the CAs when they start.
  - Fails, and names them, while nodes have taken no part or show a certificate by another CA than the one in use.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  took_part:
    description: Names of the hosts that have taken part.
    type: list
    elements: str
    required: true
  phase:
    description: The phase of the rotation.
    type: str
    choices: [prepare, use, finish]
    required: true
  timeout:
    description: Seconds to wait for members and namespaces, and for each workload.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: It does nothing then, for no phase has begun.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Have everybody trust the next CA
  keelson.cluster.kubernetes_trust:
    cluster: product
    took_part: "{{ ansible_play_hosts }}"
    phase: prepare
"""

RETURN = r"""
changes:
  description: The objects that were changed, and the workloads that were started anew.
  type: list
  elements: str
  returned: always
others:
  description: In phase C(prepare), workloads of others that may ask the API from their pods, which are not started anew.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import rotation
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import wait_for
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import authorities, trust
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import CA_FILE, Api, ApiError

WARNING = "These may ask the API from their pods, and read its CA when they start: start them anew before the new CA is used (rotate_until): "


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "took_part": {"type": "list", "elements": "str", "required": True},
            "phase": {"type": "str", "choices": list(rotation.PHASES), "required": True},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    params, changes = module.params, list[str]()
    phase, timeout = params["phase"], params["timeout"]
    if module.check_mode:
        module.exit_json(changed=False, changes=[], others=[])
    try:
        api, ca = Api.from_env(params["cluster"]), authorities.read(CA_FILE)
        fault: str | None = trust.absent(api, params["took_part"])
        if not fault:
            changes = trust.publish(api, ca, authorities.read(authorities.FRONT_PROXY))
            fault = wait_for(lambda: trust.unpublished(api, ca), timeout, interval=2.0)
            fault = fault or wait_for(lambda: trust.lagging(api, ca), timeout, interval=2.0)
        if not fault:
            started, fault = trust.restart_clients(api, ca, timeout)
            changes += started
        others = trust.others(api) if phase == rotation.PREPARE else []
    except (ApiError, OSError, ValueError) as error:
        fault = str(error)
    if fault:
        module.fail_json(
            msg=f"{fault}. What was used before stays accepted. Bring them back, or remove them, then run the same again."
        )
    if others:
        module.warn(f"{WARNING}{', '.join(others[:5])}{f' and {len(others) - 5} more' if len(others) > 5 else ''}")
    module.exit_json(changed=bool(changes), changes=changes, others=others)


if __name__ == "__main__":
    main()
