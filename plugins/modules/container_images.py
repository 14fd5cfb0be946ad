# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name; the part on the host is module artifact_install.

DOCUMENTATION = r"""
module: container_images
short_description: Load container images of a bundle into a host's runtime
version_added: 0.1.0
description:
  - Places the archives of images as M(keelson.cluster.artifacts) places files, and loads those that the runtime lacks.
  - The runtime must be running. An image that it has under the same name and digest is not loaded again.
author: keelson.cluster contributors (@keelson-cluster)
options:
  runtime:
    description: Container runtime that is to have the images; that of the engine (C(cluster_engine)) unless given.
    type: str
    choices: [docker, containerd]
  state:
    description:
      - V(absent) removes the images from the runtime, which must have them; their archives stay where they were placed.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - keelson.cluster.installing
  - keelson.cluster.installing.bundle
  - keelson.cluster.owner
seealso:
  - module: keelson.cluster.artifacts
"""

EXAMPLES = r"""
- name: Load the images a Nomad host node needs
  keelson.cluster.container_images:
    component: nomad
    names: [pause, sample-app]
    runtime: docker
"""

RETURN = r"""
versions:
  description: Version of each artifact as it is used after the task.
  type: dict
  returned: always
  sample: {pause: 3.10.2}
"""
