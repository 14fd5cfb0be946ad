# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_report
short_description: Draw stacks, clusters, pools and hosts
version_added: 0.1.0
author: keelson.cluster contributors (@keelson-cluster)
description:
  - Reads a stacks file as P(keelson.cluster.stacks#inventory) does and writes one self-contained HTML file - a drawing of stacks, clusters, parts and
    hosts, every warning, and what is no host and why.
  - The file changes only when its content does.
requirements: [PyYAML]
options:
  file:
    description: The stacks file.
    type: path
    required: true
  dest:
    description: The HTML file. Its folder must exist.
    type: path
    required: true
attributes:
  check_mode:
    description: Can run in check mode and tell whether the file would change.
    support: full
  diff_mode:
    description: Will return details on what has changed.
    support: none
  platform:
    description: Target OS families.
    support: full
    platforms: posix
seealso:
  - plugin: keelson.cluster.stacks
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Draw the inventory
  keelson.cluster.stack_report:
    file: product.stacks.yml
    dest: report/inventory.html
  delegate_to: localhost
"""

RETURN = r"""
dest:
  description: The HTML file.
  returned: success
  type: str
  sample: report/inventory.html
hosts:
  description: How many hosts were found.
  returned: success
  type: int
  sample: 6
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import load, picture
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError


def main() -> None:
    """Read, draw, and write what changed."""
    module = AnsibleModule(
        argument_spec={"file": {"type": "path", "required": True}, "dest": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    path, dest = module.params["file"], module.params["dest"]
    try:
        inventory, stacks = load.load_both(load.document(path), path)
    except StackError as error:
        module.fail_json(msg=str(error))
    page = picture.render(inventory, stacks, path).encode()
    try:
        with open(dest, "rb") as handle:
            changed = handle.read() != page
    except OSError:
        changed = True
    if changed and not module.check_mode:
        temporary = os.path.join(module.tmpdir, "page.html")
        with open(temporary, "wb") as handle:
            handle.write(page)
        module.atomic_move(temporary, dest)
    module.exit_json(changed=changed, dest=dest, hosts=len(inventory.hosts))


if __name__ == "__main__":
    main()
