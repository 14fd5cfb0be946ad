#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply objects to a Kubernetes cluster with kubectl on a manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_apply
short_description: Apply objects to a Kubernetes cluster
version_added: "0.1.0"
description:
  - Runs on a live manager. Asks the API what would change (C(kubectl diff)) and applies the objects (server-side) only when
    something would.
author: keelson.cluster contributors (@keelson-cluster)
options:
  objects:
    description: Objects to apply, after those of O(files).
    type: list
    elements: dict
    default: []
  files:
    description: Manifests on this host.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path of the manifest, or of a folder with manifests.
        type: path
        required: true
      kinds:
        description: Take objects of these kinds only; all where it is empty.
        type: list
        elements: str
        default: []
      names:
        description: Take objects of these names only; all where it is empty.
        type: list
        elements: str
        default: []
attributes:
  check_mode:
    support: full
    description: Says whether something would change.
  diff_mode:
    support: full
    description: Shows what the API says would change.
"""

EXAMPLES = r"""
- name: Apply the pod network
  keelson.cluster.kubernetes_apply:
    files:
      - {path: /opt/keelson/calico/current/crds.yaml}
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import manifests

FILE = {
    "path": {"type": "path", "required": True},
    "kinds": {"type": "list", "elements": "str", "default": []},
    "names": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "objects": {"type": "list", "elements": "dict", "default": []},
            "files": {"type": "list", "elements": "dict", "default": [], "options": FILE},
        },
        supports_check_mode=True,
    )
    try:
        text = manifests.compose(module.params["files"], module.params["objects"])
        difference = manifests.diff(text)
        if difference and not module.check_mode:
            manifests.apply(text)
    except (manifests.ManifestError, OSError) as error:
        if module.check_mode:
            module.exit_json(changed=True)
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(difference), diff=[{"prepared": difference}] if difference else [])


if __name__ == "__main__":
    main()
