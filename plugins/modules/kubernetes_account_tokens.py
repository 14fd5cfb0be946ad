#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See that nobody needs the tokens of a key that is about to be refused."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_account_tokens
short_description: See that nobody needs tokens of an earlier key
version_added: "0.1.0"
description:
  - Runs on a manager. Fails, and names them, when Secrets of type C(kubernetes.io/service-account-token) have tokens by an earlier key,
    or when nodes are ready that are not in O(took_part). Changes nothing.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  public_keys:
    description: The public keys by which the cluster accepts tokens of service accounts, PEM, first that of the key which signs.
    type: list
    elements: str
    required: true
  took_part:
    description: Names of the hosts whose pods have got other tokens.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: See that nobody needs the key before
  keelson.cluster.kubernetes_account_tokens:
    cluster: product
    public_keys: "{{ secrets.payload | keelson.cluster.accepted('service_account_public_key') }}"
    took_part: "{{ ansible_play_hosts }}"
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import account_tokens
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import Api, ApiError

THEN = (
    "The key before stays accepted. Take such a node into the run. Of such a Secret, have another token made (kubectl -n NAMESPACE "
    """patch secret NAME --type=json -p '[{"op": "remove", "path": "/data/token"}]'), and give it to whoever uses it"""
)


def main() -> None:
    """Run the module."""
    texts = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "public_keys": {**texts, "no_log": False},
            "took_part": texts,
        },
        supports_check_mode=True,
    )
    cluster, keys = module.params["cluster"], module.params["public_keys"]
    try:
        found = account_tokens.in_the_cluster(Api.from_env(cluster), keys[1:], module.params["took_part"])
    except (ApiError, ValueError) as error:
        module.fail_json(msg=f"It cannot be seen by which key the tokens of {cluster} are signed: {error}")
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        module.fail_json(msg=f"{'; '.join(found[:5])}{more}. {THEN}, then run the same again.")
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
