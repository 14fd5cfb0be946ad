#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half of its certificate; the action of the same name is the other."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_certificate
short_description: Give a host its certificate
version_added: "0.1.0"
description:
  - Reads the certificate a host has, and replaces it when there is none, when it is not this host's, when another CA
    issued it, when its key does not match or when it expires soon. The certificate is signed on the controller, in
    memory; nothing is kept there.
author: keelson.cluster contributors (@keelson-cluster)
options:
  directory:
    description: Where C(ca.pem), C(cert.pem) and C(key.pem) lie on the host.
    type: path
    required: true
  owner:
    description: Owner of the files.
    type: str
    default: root
  group:
    description: Group that may read the files.
    type: str
    default: root
  ca_certificate:
    description: The cluster's CA certificate, PEM.
    type: str
    required: true
  ca_key:
    description: Its private key, PEM. It is used on the controller and not sent to the host.
    type: str
  ca_trusted:
    description: The CA certificates that the host trusts, PEM, where these are more than O(ca_certificate).
    type: list
    elements: str
    default: []
    version_added: "0.1.0"
  common_name:
    description: Common name of the certificate.
    type: str
  names:
    description: DNS names and IP addresses the certificate speaks for.
    type: list
    elements: str
    default: []
  days:
    description: Days a new certificate is valid.
    type: int
    default: 365
  renew_before_days:
    description: Replace a certificate that has fewer days left.
    type: int
    default: 60
  certificate:
    description: Set by the action, the new certificate.
    type: str
  key:
    description: Set by the action, the new private key.
    type: str
extends_documentation_fragment:
  - keelson.cluster.owner
attributes:
  check_mode:
    support: full
    description: Says whether the certificate would be replaced, and why.
  diff_mode:
    support: none
    description: Keys are never shown.
"""

EXAMPLES = r"""
- name: Give the host its certificate
  keelson.cluster.host_certificate:
    component: nomad
    directory: /etc/nomad.d/tls
    group: nomad
    ca_certificate: "{{ secrets.payload.ca_certificate }}"
    ca_key: "{{ secrets.payload.ca_key }}"
    common_name: server.global.nomad
    names: [server.global.nomad, localhost, 10.0.1.11, 127.0.0.1]
  no_log: true
"""

RETURN = r"""
changed_paths:
  description: Files that were, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
reason:
  description: Why the certificate was replaced, empty when it was not.
  type: str
  returned: always
"""

import os
import ssl

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host.lock import locked
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "ca_certificate": {"type": "str", "required": True},
            "ca_key": {"type": "str", "no_log": True},
            "ca_trusted": {"type": "list", "elements": "str", "default": []},
            "common_name": {"type": "str"},
            "names": {"type": "list", "elements": "str", "default": []},
            "days": {"type": "int", "default": 365},
            "renew_before_days": {"type": "int", "default": 60},
            "certificate": {"type": "str"},
            "key": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    folder: str = params["directory"]
    present = _read(folder) if params["certificate"] is None else ""
    desired = [_file(params, folder, "", "directory", "0750")]
    trusted = "".join(params["ca_trusted"]) or params["ca_certificate"]
    desired.append(_file(params, f"{folder}/ca.pem", trusted, "file", "0644"))
    if params["certificate"] is not None:
        # The key goes last: until it is there, a run that is cut off finds a pair that does not match, and makes both.
        desired.append(_file(params, f"{folder}/cert.pem", params["certificate"], "file", "0644"))
        desired.append(_file(params, f"{folder}/key.pem", params["key"], "file", "0640"))
    try:
        receipts = Receipts(params["component"])
        if not module.check_mode:
            receipts.record([entry for file in desired for entry in host_files.recorded(file, receipts)])
        with locked(folder):
            changes = [change for change in (host_files.ensure(file, module.check_mode) for file in desired) if change]
    except (OSError, host_files.FileError) as error:
        module.fail_json(msg=f"The certificate cannot be kept in {folder}: {error}")
    paths = [change.path for change in changes]
    module.exit_json(changed=bool(changes), changed_paths=paths, certificate=present, reason="")


def _read(folder: str) -> str:
    """The certificate that serves with its key, empty otherwise."""
    try:
        ssl.create_default_context().load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        with open(f"{folder}/cert.pem", encoding="utf-8") as handle:
            return handle.read()
    except (OSError, ValueError):
        return ""


def _file(params: dict[str, str], path: str, content: str, state: str, mode: str) -> host_files.Desired:
    owner = params["owner"] if os.path.basename(path) == "key.pem" else "root"
    return host_files.Desired(path, state, content, "", int(mode, 8), owner, params["group"], True)


if __name__ == "__main__":
    main()
