#!/usr/bin/python
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: artifact_install
short_description: Place artifacts on a host from blobs of a bundle
version_added: 0.1.0
description:
  - Compares what lies on the host with what entries of a bundle's index ask for, and brings it there.
  - The host's half of M(keelson.cluster.artifacts) and M(keelson.cluster.container_images), which also carry the blobs over.
    Use these instead.
  - Uses nothing but Python's standard library on the host. Packages need C(apt-get) and C(dpkg).
author: keelson.cluster contributors (@keelson-cluster)
options:
  desired:
    description: What must be on the host.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the artifact.
        type: str
        required: true
      version:
        description: Version of the artifact.
        type: str
        required: true
      architectures:
        description:
          - Entry of the bundle's index for each architecture.
          - Empty for a version that is not in the bundle; it must then lie on the host already.
        type: dict
        required: true
  claims:
    description: What the component owns on this host besides, by kind; what of it is there already is noted first.
    type: dict
    default: {}
  staged:
    description: Folder on the host with the missing blobs, each called by its digest in hexadecimal.
    type: path
  url:
    description: Address of the bundle from which the host downloads missing blobs itself.
    type: str
  runtime:
    description: Container runtime that is to have the artifacts' images; without it they are only placed.
    type: str
    choices: [docker, containerd]
extends_documentation_fragment:
  - keelson.cluster.installing
  - keelson.cluster.owner
"""

EXAMPLES = r"""
- name: Place what was staged before
  keelson.cluster.artifact_install:
    component: nomad
    desired: "{{ entries }}"
    staged: /var/tmp/staged
"""

RETURN = r"""
missing:
  description: Digests and sizes in bytes of the blobs that must be staged first. With any, nothing was changed.
  type: dict
  returned: always
  sample: {"sha256:8bd9be21ab22e617dd1ddff51bb2279ae7e3333642e04ac2656a6faf0957dbb1": 1443840}
changed_paths:
  description: Links that lead, or in check mode would lead, to other files than before.
  type: list
  elements: str
  returned: always
versions:
  description: Version of each artifact as it is used after the task.
  type: dict
  returned: always
  sample: {nomad: 1.11.3}
"""

import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.host import Host
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.install import InstallError
from ansible_collections.keelson.cluster.plugins.module_utils.bundle.runtimes import RUNTIMES
from ansible_collections.keelson.cluster.plugins.module_utils.host import programs


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "desired": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "version": {"type": "str", "required": True},
                    "architectures": {"type": "dict", "required": True},
                },
            },
            "component": {"type": "str", "required": True},
            "claims": {"type": "dict", "default": {}},
            "root": {"type": "path", "default": "/opt/keelson"},
            "stage": {"type": "bool", "default": False},
            "staged": {"type": "path"},
            "url": {"type": "str"},
            "start_services": {"type": "bool", "default": False},
            "package_timeout": {"type": "int", "default": 300},
            "runtime": {"type": "str", "choices": list(RUNTIMES)},
            "proxy": {"type": "dict", "no_log": True},
        },
        supports_check_mode=True,
    )
    os.environ.update(module.params["proxy"] or {})
    try:
        host = Host(module.params, programs.answer)
        module.exit_json(**host.bring(check=module.check_mode, temporary=lambda: Path(module.tmpdir)))
    except InstallError as error:
        module.fail_json(msg=str(error))
    except PermissionError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}; placing artifacts needs root (become)")


if __name__ == "__main__":
    main()
