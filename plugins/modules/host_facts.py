#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a host in one pass."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: Read what decides whether a host can take part in a cluster
version_added: "0.1.0"
description:
  - Reads a host in one pass and changes nothing. What it finds is the fact C(ansible_facts.keelson).
  - Kernel features are tried in namespaces of their own, not looked up among loaded modules.
  - On a manager of a running cluster it also asks the cluster for its members.
author: keelson.cluster contributors (@keelson-cluster)
options:
  paths:
    description: The paths whose free disk is measured.
    type: list
    elements: path
    default: [/opt, /var/lib]
  traces:
    description:
      - How components are recognised on a host, each with C(component) (its name), C(files) (each with C(path), a shell
        pattern, and C(name), the member of this JSON file that names the cluster) and C(processes) (names of programs).
      - Taken from the components that the inventory and this collection know unless given.
    type: list
    elements: dict
    default: []
  neighbours:
    description: Addresses; whether a machine on this host's networks has them is the fact C(neighbours).
    type: list
    elements: str
    default: []
notes:
  - Needs root to see whose sockets are whose and to try kernel features. Without root it reports that.
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: Changes nothing.
seealso:
  - module: keelson.cluster.preflight
"""

EXAMPLES = r"""
- name: Read the host
  keelson.cluster.host_facts:
  ignore_unreachable: true
  register: __preflight_facts
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    keelson:
      description:
        - Identity (C(os_id), C(os_version), C(architecture), C(kernel), C(machine_id), C(hostname), C(addresses)),
          network (C(interfaces), each with C(name), C(mtu) and C(addresses); C(routes); C(resolvers); C(neighbours), the
          hardware address by address, empty where none answers),
          room (C(cores), C(memory_mib), C(swap_mib), C(file_systems) by path, each with C(free_mib),
          C(device), C(read_only), C(noexec)), C(cgroup) (C(version), C(controllers)),
          C(features) (error text by name, empty where the feature works), C(listeners) (sockets with their processes),
          C(clusters) (what this host is a member of), C(runtimes) and C(firewalls) (what others run here),
          C(artifacts) (the version in use of each artifact of the host's components),
          C(receipts) (components of this collection that placed something), C(time) (seconds since 1970) and C(clock) (the controller's
          time C(before) and C(after)).
        - Where the engine has more to know of its hosts, that as C(engine).
        - On a manager of a running cluster C(members), or C(members_error) where it did not answer.
      type: dict
      returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.preflight.gather import gather


def main() -> None:
    """Gather and return."""
    arguments: dict[str, Any] = {
        "paths": {"type": "list", "elements": "path", "default": ["/opt", "/var/lib"]},
        "traces": {"type": "list", "elements": "dict", "default": []},
        "neighbours": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    facts = gather(*(module.params[name] for name in ("paths", "traces", "neighbours")))
    module.exit_json(changed=False, ansible_facts={"keelson": facts})


if __name__ == "__main__":
    main()
