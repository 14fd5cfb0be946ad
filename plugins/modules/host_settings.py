#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set kernel modules and parameters, swap and system accounts of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_settings
short_description: Kernel modules and parameters, swap and system accounts in one task
version_added: "0.1.0"
description:
  - Loads kernel modules and sets kernel parameters now and at every boot, switches swap off where asked, and adds system accounts.
  - A parameter the kernel does not have is left out and returned, as a feature that is built in needs no module and a
    feature that is missing is for preflight to refuse.
  - On the root file system of an image, which is not booted, all this is for the first boot; nothing is set now.
author: keelson.cluster contributors (@keelson-cluster)
options:
  modules:
    description: Kernel modules to load, where this kernel has them as modules; what is built in needs none.
    type: list
    elements: str
    default: []
  sysctls:
    description: Kernel parameters and their values, for example V(net.ipv4.ip_forward=1).
    type: dict
    default: {}
  swap:
    description: V(off) switches swap off now and at every boot, whether fstab, a swap unit or zram makes it. V(keep) leaves it alone.
    type: str
    choices: ["keep", "off"]
    default: keep
  accounts:
    description: System accounts without a login, each with a group of its name.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the account and of its group.
        type: str
        required: true
      home:
        description: Its home directory, which is not made.
        type: path
        required: true
extends_documentation_fragment:
  - keelson.cluster.owner
attributes:
  check_mode:
    support: full
    description: Says what would change.
  diff_mode:
    support: full
    description: Shows the parameters before and after.
"""

EXAMPLES = r"""
- name: Configure the operating system
  keelson.cluster.host_settings:
    component: nomad
    sysctls: {net.ipv4.ip_forward: "1"}
    accounts: [{name: nomad, home: /var/lib/nomad}]
"""

RETURN = r"""
missing:
  description: Kernel parameters that this kernel does not have.
  type: list
  elements: str
  returned: always
changes:
  description: What was, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import settings as host_settings
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts


def main() -> None:
    """Run the module."""
    account_spec = {"name": {"type": "str", "required": True}, "home": {"type": "path", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "modules": {"type": "list", "elements": "str", "default": []},
            "sysctls": {"type": "dict", "default": {}},
            "swap": {"type": "str", "choices": ["keep", "off"], "default": "keep"},
            "accounts": {"type": "list", "elements": "dict", "default": [], "options": account_spec},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        settings = host_settings.Settings(Receipts(params["component"]), module.check_mode)
        settings.add_accounts([host_settings.Account(**entry) for entry in params["accounts"]])
        settings.load_modules(params["modules"])
        missing = settings.set_parameters({key: str(value) for key, value in params["sysctls"].items()})
        if params["swap"] == "off":
            settings.switch_swap_off()
    except (OSError, host_settings.SettingError, host_files.FileError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(settings.changes), changes=settings.changes, missing=missing, diff=settings.diff)


if __name__ == "__main__":
    main()
