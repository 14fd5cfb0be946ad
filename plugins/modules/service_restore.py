#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put back what the last restart replaced on this host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_restore
short_description: Put back what the last restart replaced on this host
version_added: "0.1.0"
description:
  - Puts the files back that M(keelson.cluster.service_unit) kept with O(keelson.cluster.service_unit#module:rollback), and
    restarts the units that read them. It always ends with an error, which gives O(reason).
author: keelson.cluster contributors (@keelson-cluster)
options:
  reason:
    description: What is wrong with the new files.
    type: str
    required: true
  unit:
    description: The unit whose journal may tell why.
    type: str
    required: true
attributes:
  check_mode:
    support: none
    description: Nothing is restarted in check mode, so there is nothing to put back.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Put the old files back
  keelson.cluster.service_restore:
    reason: node web-0 is down
    unit: nomad.service
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.host import services
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"reason": {"type": "str", "required": True}, "unit": {"type": "str", "required": True}},
    )
    unit, reason = module.params["unit"], module.params["reason"].rstrip(".")
    module.fail_json(msg=services.taken_back(f"{unit} is not well ({reason}; {service_units.why(unit)})"))


if __name__ == "__main__":
    main()
