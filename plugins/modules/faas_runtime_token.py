#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a token of Nomad for the gateway of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: faas_runtime_token
short_description: Keep the token of a function gateway
version_added: "0.1.0"
description:
  - Runs on a manager. Keeps a token with the gateway's own policy, and no other right, in a file of the host. A token that the
    cluster does not know any more is replaced.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: The cluster's name, which names its directory in C(/etc/keelson).
    type: str
    required: true
  name:
    description: Name of the host, which is part of the token's name.
    type: str
    required: true
  path:
    description: The file.
    type: path
    required: true
  group:
    description: Group that may read it.
    type: str
    default: root
extends_documentation_fragment:
  - keelson.cluster.owner
attributes:
  check_mode:
    support: full
    description: Says whether a token would be made.
  diff_mode:
    support: none
    description: A token is never shown.
"""

EXAMPLES = r"""
- name: Keep the gateway's token
  keelson.cluster.faas_runtime_token:
    component: faas_runtime
    cluster: product
    name: "{{ inventory_hostname }}"
    path: /etc/keelson-faas/token
    group: faas
"""

RETURN = r"""
changed_paths:
  description: The file, where it was or would be written.
  type: list
  elements: str
  returned: always
"""

import contextlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad import deploy
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api, ApiError


def main() -> None:
    """Look at the token, and make one where it is of no use."""
    spec = {name: {"type": "str", "required": True} for name in ("component", "cluster", "name")}
    module = AnsibleModule(
        argument_spec={**spec, "path": {"type": "path", "required": True}, "group": {"type": "str", "default": "root"}},
        supports_check_mode=True,
    )
    given = module.params
    token = ""
    with contextlib.suppress(OSError), open(given["path"], encoding="ascii") as handle:
        token = handle.read().strip()
    try:
        api = Api.from_env(given["cluster"])
        stale = not deploy.valid(api, token)
        if stale and not module.check_mode:
            token = deploy.token(api, f"keelson-faas-gateway-{given['name']}")
            file = host_files.Desired(given["path"], "file", token, "", 0o640, "root", given["group"], True)
            receipts = Receipts(given["component"])
            receipts.record(host_files.recorded(file, receipts))
            host_files.ensure(file, False)
    except (ApiError, OSError, host_files.FileError) as error:
        module.fail_json(msg=f"The gateway's token cannot be kept in {given['path']}: {error}")
    module.exit_json(changed=stale, changed_paths=[given["path"]] if stale else [])


if __name__ == "__main__":
    main()
