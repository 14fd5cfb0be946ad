#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Update the packages of a host's operating system."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_updates
short_description: Update the packages of a host's operating system, and tell whether it must be rebooted
version_added: "0.1.0"
description:
  - Installs updates by apt. Nothing is removed, files of configuration stay as they are, and an installation that was cut off
    is ended first.
  - A reboot is needed where the distribution asks for one, a newer kernel than the running one is installed, or libc, systemd
    or dbus was replaced since the host was started.
author: keelson.cluster contributors (@keelson-cluster)
options:
  packages:
    description: Which updates, those of the distribution's security archive, V(all), or V(none).
    type: str
    choices: [security, all, none]
    default: security
  held:
    description: Packages that are left as they are.
    type: list
    elements: str
    default: []
  state:
    description: V(listed) reads the lists of packages anew and tells what there is, V(installed) installs it.
    type: str
    choices: [listed, installed]
    default: installed
  timeout:
    description: Seconds to wait for others that install packages on the host.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Tells what would be installed. The lists of packages are read anew in any mode.
  diff_mode:
    support: none
    description: RV(updates) lists what is installed.
"""

EXAMPLES = r"""
- name: Install the security updates
  keelson.cluster.host_updates:
    packages: security
    held: [docker.io]
"""

RETURN = r"""
updates:
  description: What was, or in check mode would be, installed, with both versions.
  type: list
  elements: str
  returned: success
held:
  description: Updates of O(held) packages.
  type: list
  elements: str
  returned: success
reboot:
  description: Why the host must be rebooted, for what is installed now.
  type: list
  elements: str
  returned: success
foreseen:
  description: Why it will have to be after RV(updates).
  type: list
  elements: str
  returned: success
interrupted:
  description: Whether an installation of packages had been cut off.
  type: bool
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import updates


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "str", "choices": ["security", "all", "none"], "default": "security"},
            "held": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["listed", "installed"], "default": "installed"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.get_bin_path("apt-get") is None:
        module.fail_json(msg="This host has no apt-get: updates are installed on Debian and Ubuntu alone.")
    apt = updates.Apt(module.run_command)
    try:
        cut = apt.interrupted()
        installs = given["state"] == "installed" and not module.check_mode
        if given["state"] == "listed" and given["packages"] != "none":
            apt.refresh()
        if cut and not installs:  # apt tells nothing before that is ended
            module.exit_json(changed=False, interrupted=True, **updates.report([], []))
        if cut:
            apt.finish(given["timeout"])
        found, left = apt.pending(given["packages"], given["held"])
        if installs and found:
            apt.install(given["packages"], given["held"])
    except updates.UpdateError as error:
        module.fail_json(msg=f"{error}. Correct that on the host, then run again.")
    changed = given["state"] == "installed" and bool(found or cut)
    module.exit_json(changed=changed, interrupted=cut, **updates.report(found, left))


if __name__ == "__main__":
    main()
