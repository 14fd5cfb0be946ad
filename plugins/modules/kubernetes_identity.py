#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring what the kubelet of a host trusts, shows and hands to its pods to what the cluster uses now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_identity
short_description: Bring kubelet to the secrets that the cluster uses
version_added: "0.1.0"
description:
  - Runs on a member. Where kubelet trusts other CAs than the cluster does, or has a certificate that the CA in use has not signed, it
    gets others. Where that is so, or its pods have tokens by a key that the cluster no longer signs with, kubelet is restarted, and the
    module waits until pods have the tokens and CAs of now. Pods run on.
  - Its next serving certificate kubelet asks for itself; M(keelson.cluster.kubernetes_nodes) approves it.
  - A host that has not joined is left alone.
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
  authorities:
    description: The CA certificates that the cluster trusts, PEM, first that of the CA which signs.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait for the certificate, and for what pods get.
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
- name: Have kubelet and its pods use what the cluster uses
  keelson.cluster.kubernetes_identity:
    cluster: product
    public_keys: "{{ secrets.payload | keelson.cluster.accepted('service_account_public_key') }}"
    authorities: "{{ secrets.payload | keelson.cluster.accepted('ca_certificate') }}"
"""

RETURN = r"""
tokens:
  description: Number of tokens that were, or in check mode would be, replaced.
  type: int
  returned: always
replaced:
  description: What of kubelet's was, or in check mode would be, of another CA.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.cluster.remote import ApiError, wait_for
from ansible_collections.keelson.cluster.plugins.module_utils.host import units
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import account_tokens, identity


def main() -> None:
    """Run the module."""
    texts = {"type": "list", "elements": "str", "required": True, "no_log": False}
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "public_keys": texts,
            "authorities": texts,
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    params, fault = module.params, None
    former, accepted, timeout = params["public_keys"][1:], params["authorities"], params["timeout"]

    def left() -> str | None:
        found = account_tokens.on_this_host(former)
        if found:
            return f"{len(found)} tokens of pods are by the key before, such as {found[0]}"
        late = identity.lagging(accepted)
        return f"{len(late)} pods have other CAs than the cluster, such as in {late[0]}" if late else None

    try:
        tokens, outdated = account_tokens.on_this_host(former), identity.outdated(accepted)
        due = bool(tokens) or os.path.exists(identity.DUE)
        if not module.check_mode:
            identity.adopt(params["cluster"], accepted, outdated, timeout)
            if due or os.path.exists(identity.DUE):
                fault = units.restart(units.Unit("kubelet.service"))
                if not fault:
                    identity.restarted()
            fault = fault or wait_for(left, timeout, interval=2.0)
    except (ApiError, OSError, ValueError) as error:
        fault = f"kubelet was not brought to what the cluster uses: {error}"
    if fault:
        module.fail_json(
            msg=f"{fault}. What was used before stays accepted. See 'journalctl -u kubelet', then run the same again."
        )
    module.exit_json(changed=due or bool(outdated), tokens=len(tokens), replaced=outdated)


if __name__ == "__main__":
    main()
