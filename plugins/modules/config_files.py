#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write a list of configuration files, directories and links."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write a list of configuration files in one task
version_added: "0.1.0"
description:
  - Brings a list of files, directories and links to the desired content, owner and mode.
  - A file is written beside its place, synced and renamed, so a reader sees the old or the new one and never a part.
author: keelson.cluster contributors (@keelson-cluster)
options:
  files:
    required: true
extends_documentation_fragment:
  - keelson.cluster.files
  - keelson.cluster.owner
attributes:
  check_mode:
    support: full
    description: Says which files would change.
  diff_mode:
    support: full
    description: Shows each file before and after, but for secret ones.
"""

EXAMPLES = r"""
- name: Configure the agent
  keelson.cluster.config_files:
    component: nomad
    files:
      - {path: /etc/nomad.d, state: directory, mode: "0750", group: nomad}
      - {path: /etc/nomad.d/agent.json, data: {name: web-0}, mode: "0640", group: nomad}
"""

RETURN = r"""
changed_paths:
  description: What was, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": host_files.SPEC},
            "component": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    changes: list[host_files.Change] = []
    try:
        receipts = Receipts(module.params["component"])
        host_files.ensure_all(module.params["files"], module.check_mode, changes, receipts)
    except (host_files.FileError, OSError) as error:
        module.fail_json(msg=str(error), changed_paths=[change.path for change in changes])
    module.exit_json(
        changed=bool(changes),
        changed_paths=[change.path for change in changes],
        diff=[change.diff for change in changes],
    )


if __name__ == "__main__":
    main()
