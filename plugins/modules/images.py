# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name; the host's half is module place.

DOCUMENTATION = r"""
module: images
short_description: Load container images of a bundle into a host's runtime
version_added: 0.1.0
description:
  - Places the archives of images as M(keelson.cluster.artifacts) places files, and loads those that the runtime lacks.
  - The runtime must be running. An image that it has under the same name and digest is not loaded again.
author: keelson.cluster contributors (@keelson)
options:
  names:
    description:
      - Artifacts with images, as their manifests are called.
      - C(NAME=VERSION) asks for a version other than the manifest's first.
    type: list
    elements: str
    required: true
  bundle:
    description:
      - The bundle, a directory on the controller or the address of one served over HTTP.
      - From a directory, missing blobs are carried over the connection.
        From an address, the host downloads them itself.
      - C($XDG_CACHE_HOME/keelson/bundle) when not given.
    type: str
  manifests:
    description: Folders with manifests that are looked at before those of the collection.
    type: list
    elements: path
    default: []
  root:
    description: Folder under which artifacts are placed.
    type: path
    default: /opt/keelson
  start_services:
    description: Whether services of packages may start when they are installed.
    type: bool
    default: false
  runtime:
    description: Container runtime that is to have the images.
    type: str
    choices: [docker, containerd]
    required: true
attributes:
  check_mode:
    description: Predicts what would change.
    support: full
  diff_mode:
    description: Shows versions before and after.
    support: full
  platform:
    description: Where it runs.
    platforms: posix
    support: full
seealso:
  - module: keelson.cluster.artifacts
"""

EXAMPLES = r"""
- name: Load the images a Nomad host node needs
  keelson.cluster.images:
    names: [pause, sample-app]
    runtime: docker
"""

RETURN = r"""
versions:
  description: Version of each artifact as it is used after the task.
  type: dict
  returned: always
  sample: {pause: 3.10.1}
"""
