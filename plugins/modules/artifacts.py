# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name; the part on the host is module artifact_install.

DOCUMENTATION = r"""
module: artifacts
short_description: Place artifacts of a bundle on a host
version_added: 0.1.0
description:
  - Compares what lies on the host with the bundle and brings just what is missing - files, links and packages.
  - Files go to C(ROOT/NAME/VERSION). C(ROOT/NAME/current) is the one link that says which version is used, and links
    such as C(/usr/local/bin/nomad) lead through it. Going back is asking for the earlier version.
  - Packages are installed from the bundle alone. A newer version on the host stays.
  - Every digest is checked on the host before use. When nothing is to be done this costs one round trip.
author: keelson.cluster contributors (@keelson-cluster)
options:
  runtime:
    description: Container runtime that is to have the artifacts' images; without it they are only placed.
    type: str
    choices: [docker, containerd]
extends_documentation_fragment:
  - keelson.cluster.installing
  - keelson.cluster.installing.bundle
  - keelson.cluster.owner
seealso:
  - module: keelson.cluster.bundle
  - module: keelson.cluster.container_images
"""

EXAMPLES = r"""
- name: Place Nomad and what its client needs
  keelson.cluster.artifacts:
    component: nomad
    names: [nomad, docker, cni-plugins]

- name: Go back to the version before
  keelson.cluster.artifacts:
    component: nomad
    names: [nomad=1.11.2]
    bundle: https://bundle.example.com/
"""

RETURN = r"""
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
