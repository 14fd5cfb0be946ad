#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe at other hosts as an unauthorized client."""

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_security_checks
short_description: Check that the endpoints of other hosts are closed to unauthorized clients
version_added: "0.1.0"
description:
  - Runs on one host and probes at others without TLS, without a certificate, with a certificate of a foreign CA, with an
    old version of TLS, with a member's certificate but no token, and, for gossip, without the key.
  - Options are taken from the inventory and the host's components unless given.
options:
  targets:
    description:
      - The endpoints, each with C(host) (its name), C(address), C(port) and C(probe); one that is C(optional) may be closed.
      - A probe has a C(kind), which is V(https) (clients need a certificate and a token), V(https_members) (a certificate),
        V(https_login) (anybody may connect, and is told nothing), V(tls) (a certificate, in a protocol of its own) or
        V(gossip) (no answer without the key), the C(guarded) paths that need a token, and in hexadecimal digits the bytes
        to send, C(preface) before TLS and C(request), and C(refusals), the first bytes of answers that refuse.
    type: list
    elements: dict
    default: []
  foreign:
    description: Certificate and key, as one PEM text, of a CA that is not the cluster's. Made anew for each run.
    type: str
    default: ""
  ca_file:
    description: The certificate of the CA that signs all members.
    type: path
  cert_file:
    description: The certificate of the host that probes.
    type: path
  key_file:
    description: The key of the host that probes.
    type: path
extends_documentation_fragment:
  - keelson.cluster.checks
"""

EXAMPLES = r"""
- name: Probe at the other hosts as an unauthorized client
  keelson.cluster.endpoint_security_checks:
  register: verify_endpoint_security
"""

RETURN = r"""
checks:
  description: The checks with their answers, as M(keelson.cluster.host_checks) returns them.
  returned: always
  type: list
  elements: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.checks import tls
from ansible_collections.keelson.cluster.plugins.module_utils.checks.probes import probe

ARGUMENTS: dict[str, dict[str, Any]] = {
    "targets": {"type": "list", "elements": "dict", "default": []},
    "foreign": {"type": "str", "default": "", "no_log": True},
    "ca_file": {"type": "path"},
    "cert_file": {"type": "path"},
    "key_file": {"type": "path"},
}


def main() -> None:
    """Probe and return."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    member = tls.Identity(given["ca_file"], given["cert_file"], given["key_file"])
    with tls.foreign(given["foreign"]) as unauthorized:
        checks = [c for target in given["targets"] for c in probe(target, member, unauthorized)]
    module.exit_json(changed=False, checks=checks)


if __name__ == "__main__":
    main()
