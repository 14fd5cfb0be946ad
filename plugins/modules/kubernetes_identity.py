#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring what the kubelet of a host hands to its pods to what the cluster uses now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_identity
short_description: Bring kubelet to the secrets that the cluster uses
version_added: "0.1.0"
description:
  - Runs on a member. Where its pods have tokens by a key that the cluster no longer signs with, kubelet is restarted, which has it ask
    for others, and the module waits until all of them are replaced. Pods run on.
author: keelson.cluster contributors (@keelson-cluster)
options:
  public_keys:
    description: The public keys by which the cluster accepts tokens of service accounts, PEM, first that of the key which signs.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait for the tokens.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Says whether kubelet would be restarted.
  diff_mode:
    support: none
    description: Tokens are never shown.
"""

EXAMPLES = r"""
- name: Have the host's pods get tokens by the key in use
  keelson.cluster.kubernetes_identity:
    public_keys: "{{ secrets.payload | keelson.cluster.accepted('service_account_public_key') }}"
"""

RETURN = r"""
tokens:
  description: Number of tokens that were, or in check mode would be, replaced.
  type: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import wait_for
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import account_tokens


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "public_keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    former = module.params["public_keys"][1:]

    def left() -> str | None:
        found = account_tokens.on_this_host(former)
        return f"{len(found)} tokens of pods are by the key before, such as {found[0]}" if found else None

    try:
        found = account_tokens.on_this_host(former)
        if found and not module.check_mode:
            fault = units.restart(units.Unit("kubelet.service")) or wait_for(
                left, module.params["timeout"], interval=2.0
            )
            if fault:
                module.fail_json(
                    msg=f"{fault}. The key before stays accepted. See 'journalctl -u kubelet', then run the same again."
                )
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"It cannot be seen by which key the tokens of pods are signed: {error}")
    module.exit_json(changed=bool(found), tokens=len(found))


if __name__ == "__main__":
    main()
