#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the token with which hosts join a Kubernetes cluster, and delete it again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_token
short_description: Make or delete the short-lived token with which hosts join
version_added: "0.1.0"
description:
  - Runs on a live manager. The token lies nowhere but in the cluster, which forgets it after O(minutes) even when the run
    that made it is cut off. Use C(no_log), for what it returns is secret.
  - A run that holds the cluster's lease (M(keelson.cluster.cluster_lease)) deletes what runs before it have left.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: V(present) makes a new token, V(absent) deletes the one called O(name).
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the token to delete, as making it returned it. One that cannot be deleted is a warning, for it ends by itself.
    type: str
    default: ""
  hosts:
    description: Names of the hosts that join with it; those among them that were removed before may be members again.
    type: list
    elements: str
    default: []
  minutes:
    description: How long the token serves.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
    description: Makes and deletes nothing.
  diff_mode:
    support: none
    description: Secrets are never shown.
"""

EXAMPLES = r"""
- name: Make a token for this run
  keelson.cluster.kubernetes_token:
    cluster: product
    hosts: [web-0, web-1]
  register: token
  no_log: true
"""

RETURN = r"""
name:
  description: Name of the token, which is no secret.
  type: str
  returned: when O(state=present)
discovery:
  description: A kubeconfig with the endpoint, the cluster's CA and the token.
  type: dict
  returned: when O(state=present)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import lease
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import removed, tokens
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import (
    ACCESS_FILE,
    CA_FILE,
    Api,
    ApiError,
    read_access,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "default": ""},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "minutes": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    cluster, present = module.params["cluster"], module.params["state"] == "present"
    if module.check_mode:
        module.exit_json(changed=True, discovery={}, name="")
    try:
        api = Api.from_env(cluster)
        if not present:
            module.exit_json(changed=tokens.forget(api, lambda name, _mark: name == module.params["name"]) > 0)
        removed.readmit(api, module.params["hosts"])
        held = lease.read(cluster, *lease.clock())
        token = tokens.make_for_run(api, module.params["minutes"], held.run if held else "")
        with open(ACCESS_FILE, encoding="utf-8") as access, open(CA_FILE, encoding="ascii") as ca:
            discovery = tokens.discovery(read_access(access.read()).server, ca.read(), {"token": token})
    except (ApiError, OSError, ValueError) as error:
        if not present:  # it ends by itself, and what keeps the API from answering is told by who needs it
            module.warn(
                f"The token to join {cluster} could not be deleted, and ends within {module.params['minutes']} minutes: {error}"
            )
            module.exit_json(changed=False)
        module.fail_json(msg=f"There is no token to join {cluster} with: {error}")
    module.exit_json(changed=True, discovery=discovery, name=token.partition(".")[0])


if __name__ == "__main__":
    main()
