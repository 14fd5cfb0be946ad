#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring kernel parameters, swap and system accounts of a host about."""

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
    description: V(off) switches swap off now and at every boot, V(keep) leaves it alone.
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

FSTAB = "/etc/fstab"


def main() -> None:
    """Run the module."""
    account_spec = {"name": {"type": "str", "required": True}, "home": {"type": "path", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str", "default": []},
            "sysctls": {"type": "dict", "default": {}},
            "swap": {"type": "str", "choices": ["keep", "off"], "default": "keep"},
            "accounts": {"type": "list", "elements": "dict", "default": [], "options": account_spec},
        },
        supports_check_mode=True,
    )
    check = module.check_mode
    try:
        changes = _accounts(module.params["accounts"], check) + _modules(module.params["modules"], check)
        changed, missing, diff = _sysctls(module.params["sysctls"], check)
        changes += changed
        if module.params["swap"] == "off":
            changes += _swap_off(module, check)
    except (OSError, host_settings.SettingError, host_files.FileError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes, missing=missing, diff=diff)


def _accounts(entries: list[dict[str, str]], check: bool) -> list[str]:
    absent = host_settings.missing_accounts([host_settings.Account(**entry) for entry in entries])
    for account in absent:
        if not check:
            host_settings.add_account(account)
    return [f"account {account.name}" for account in absent]


def _modules(desired: list[str], check: bool) -> list[str]:
    present, unloaded = host_settings.modules(desired)
    if not present:
        return []
    text = "".join(f"{name}\n" for name in present)
    file = host_files.Desired(host_settings.MODULES_FILE, "file", text, "", 0o644, "root", "root", False)
    change = host_files.ensure(file, check)
    for name in unloaded if not check else []:
        host_settings.load_module(name)
    return [f"module {name}" for name in unloaded] + ([change.path] if change else [])


def _sysctls(desired: dict[str, object], check: bool) -> tuple[list[str], list[str], list[dict[str, str]]]:
    differing, missing = host_settings.sysctl_changes({key: str(value) for key, value in desired.items()})
    if not check:
        host_settings.set_sysctls(differing)
    settled = {key: str(value) for key, value in desired.items() if key not in missing}
    if not settled:
        return [], missing, []
    change = host_files.ensure(
        host_files.Desired(
            host_settings.SYSCTL_FILE, "file", host_settings.sysctl_text(settled), "", 0o644, "root", "root", False
        ),
        check,
    )
    changes = [f"{key} = {value}" for key, value in differing.items()]
    return changes + ([change.path] if change else []), missing, [change.diff] if change else []


def _swap_off(module: AnsibleModule, check: bool) -> list[str]:
    changes = [f"swap {area} off" for area in host_settings.swaps()]
    if changes and not check:
        module.run_command(["swapoff", "--all"], check_rc=True)
    try:
        with open(FSTAB, encoding="utf-8") as handle:
            text = handle.read()
    except FileNotFoundError:
        return changes
    cured = host_settings.fstab_without_swap(text)
    if cured != text:
        changes.append(FSTAB)
        if not check:
            host_files.ensure(host_files.Desired(FSTAB, "file", cured, "", 0o644, "root", "root", False), False)
    return changes


if __name__ == "__main__":
    main()
