#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold a cluster's lease for the rest of a run. The action plugin of the same name runs this on every manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_lease
short_description: Hold a cluster's lease for the rest of the run
version_added: "0.1.0"
description:
  - Only one run at a time may change a cluster. It holds a lease on more than half of the cluster's managers, kept in
    C(/var/lib/keelson/<cluster>/lease.json) of each. Another run refuses and names the holder.
  - The task runs once, with a loop over all managers to which it is delegated. A process on the controller renews the lease while
    the run lives, gives it up when the run ends, well or not, and ends the run when another one has taken the lease from it.
  - When the controller is killed or cut off, the lease ends by itself after a minute, measured by the managers' own uptime.
  - In check mode no lease is taken; a warning tells who holds it.
author: keelson.cluster contributors (@keelson-cluster)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  managers:
    description: Names of all managers of the cluster.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait for another run's end before refusing.
    type: int
    default: 0
  take_from:
    description: Runs whose lease is taken away, by the name that the refusal gives them.
    type: list
    elements: str
    default: []
  state:
    description: Set by the action. What is done on this manager.
    type: str
    choices: [held, released, read]
    default: held
  run:
    description: Set by the action. Name of the run.
    type: str
    default: ""
  holder:
    description: Set by the action. Who runs what, and where.
    type: str
    default: ""
  origin:
    description: Set by the action. Tells the run's process on its controller.
    type: str
    default: ""
  seconds:
    description: Set by the action. How long the lease lasts when it is not renewed.
    type: float
    default: 60
attributes:
  check_mode:
    support: full
    description: Takes no lease.
  diff_mode:
    support: none
    description: Changes nothing of the cluster.
"""

EXAMPLES = r"""
- name: Hold the cluster's lease on its managers
  keelson.cluster.cluster_lease:
    cluster: "{{ cluster_name }}"
    managers: "{{ groups[cluster_name ~ '_managers'] }}"
    wait: 600
  loop: "{{ groups[cluster_name ~ '_managers'] }}"
  delegate_to: "{{ item }}"
  run_once: true
"""

RETURN = r"""
lease:
  description: The lease that holds, with C(run), C(holder), C(origin), C(age) and C(left) in seconds; empty when there is none.
  type: dict
  returned: always
artifacts:
  description: The version in use of each artifact on this manager.
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import in_use
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import lease


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=lease.ARGUMENTS, supports_check_mode=True)
    given = module.params
    boot, now = lease.clock()
    found: lease.Lease | None = None
    try:
        if given["state"] == "read" or module.check_mode:
            found = lease.read(given["cluster"], boot, now)
        elif given["state"] == "released":
            lease.release(given["cluster"], given["run"])
        else:
            desired = lease.Lease(given["run"], given["holder"], given["origin"], given["seconds"], boot, now, now)
            found = lease.take(given["cluster"], desired, given["take_from"])
    except OSError as error:
        module.fail_json(msg=f"the lease of {given['cluster']} cannot be kept here: {error}")
    shown = {"run": found.run, "holder": found.holder, "origin": found.origin} if found else {}
    times = {"age": found.age(boot, now), "left": found.left(boot, now)} if found else {}
    module.exit_json(changed=False, lease={**shown, **times}, artifacts=in_use())


if __name__ == "__main__":
    main()
