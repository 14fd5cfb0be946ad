#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring systemd units with their files to the desired state and tell which run on old files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_unit
short_description: Start systemd units with their files and tell which run on old ones
version_added: "0.1.0"
description:
  - Brings a list of files to the desired state, then enables and starts a list of units, in one task.
  - A unit of ours writes, when it starts, which versions of its files it starts with (see O(units[].inputs)). The module
    compares that with the files as they are now, so it knows after any interruption whether a restart is due. Whether
    it restarts is the caller's choice, as managers must be restarted one at a time.
  - On the root file system of an image, which is not booted, units are enabled and nothing is started.
author: keelson.cluster contributors (@keelson-cluster)
options:
  files:
    default: []
  units:
    required: true
  defer_while:
    description:
      - A unit by which a host at work is told. While it runs, nothing is changed where one of O(units) would be restarted; RV(pending)
        names those then, and a later task with O(rollback) does it for a few hosts at a time.
    type: str
    default: ""
  rollback:
    description: >-
      Keep the files as they were in C(/run/keelson), and put them back where a unit does not go on running after its restart.
    type: bool
    default: false
  versions:
    description: >-
      Versions of artifacts, by name, that lie on this host and are to be used from now on: their links are switched before the
      units are looked at, and with O(rollback) they are put back like files. An artifact that the host does not use is left out.
    type: dict
    default: {}
  foreseen:
    description:
      - Files that other tasks of the run have changed. In check mode they are as they were, so this is how a restart or
        a reload for their sake is foreseen. Otherwise the files themselves are looked at.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - keelson.cluster.files
  - keelson.cluster.owner
  - keelson.cluster.units
attributes:
  check_mode:
    support: full
    description: Says which files would change, and what would be started, restarted or stopped for them.
  diff_mode:
    support: full
    description: Shows each file before and after, but for secret ones.
"""

EXAMPLES = r"""
- name: Run the agent
  keelson.cluster.service_unit:
    component: nomad
    files:
      - {path: /etc/nomad.d/agent.json, data: {name: web-0}, mode: "0640"}
    units:
      - {name: nomad.service, inputs: [/etc/nomad.d/agent.json]}
  register: units
"""

RETURN = r"""
changed_paths:
  description: Files that were, or in check mode would be, changed.
  type: list
  elements: str
  returned: always
actions:
  description: What was done, or in check mode would be done, such as C(start nomad.service).
  type: list
  elements: str
  returned: always
stale:
  description: Units that run on old files and were left alone.
  type: list
  elements: str
  returned: always
pending:
  description: Units that wait for a restart because of O(defer_while). RV(changed_paths) names the files that would change.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import InstallError
from ansible_collections.keelson.cluster.plugins.module_utils.host import files as host_files
from ansible_collections.keelson.cluster.plugins.module_utils.host import services, switch
from ansible_collections.keelson.cluster.plugins.module_utils.host import units as service_units
from ansible_collections.keelson.cluster.plugins.module_utils.host.receipts import Receipts


def main() -> None:
    """Run the module."""
    spec = {
        "component": {"type": "str", "required": True},
        "files": {"type": "list", "elements": "dict", "default": [], "options": host_files.SPEC},
        "units": {"type": "list", "elements": "dict", "required": True, "options": service_units.SPEC},
        "foreseen": {"type": "list", "elements": "path", "default": []},
        "defer_while": {"type": "str", "default": ""},
        "rollback": {"type": "bool", "default": False},
        "versions": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params, check = module.params, module.check_mode
    files, foreseen = params["files"], params["foreseen"]
    units = [service_units.Unit(**entry) for entry in params["units"]]
    outcome = services.Outcome()
    try:
        receipts = Receipts(params["component"])
        if params["defer_while"] and service_units.runs(params["defer_while"]):
            outcome = services.put_off(files, units, foreseen if check else [], receipts)
        if not outcome.pending:
            outcome = services.Outcome()
            switched = switch.due(params["versions"])
            how = services.How(check, params["rollback"], switched)
            services.apply(files, units, foreseen, how, outcome, receipts)
    except (host_files.FileError, InstallError, OSError) as error:
        outcome.fault = str(error)
    done = {"actions": outcome.actions, "stale": outcome.stale, "pending": outcome.pending}
    if outcome.fault:
        module.fail_json(msg=outcome.fault, changed_paths=outcome.paths, **done)
    changed = bool(outcome.paths or outcome.actions) and not outcome.pending
    diff = [] if outcome.pending else [change.diff for change in outcome.changes]
    module.exit_json(changed=changed, changed_paths=outcome.paths, diff=diff, **done)


if __name__ == "__main__":
    main()
