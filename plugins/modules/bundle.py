# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: bundle
short_description: Fill a bundle with artifacts
version_added: 0.1.0
description:
  - Brings artifacts into a content-addressed directory from which everything else installs.
    Nothing but this reaches a network outside the cluster.
  - For each artifact the sources of its manifest are tried in turn. The first that works is used and recorded, with the
    reasons of those that failed before it.
  - A wrong digest or signature is an error and nothing of that artifact is kept. A source that cannot be reached, or a
    download that is cut short, counts as not available.
  - Runs where Ansible itself runs. It may be interrupted at any moment and run again, and several may run at once.
author: keelson.cluster contributors (@keelson-cluster)
options:
  names:
    description:
      - Artifacts to bring in, as their manifests are called.
      - C(NAME=VERSION) asks for a version other than the manifest's first.
      - Those of O(engine) and O(components) when none is given, or of the inventory's clusters when these are not either.
    type: list
    elements: str
    default: []
  engine:
    description: The engine whose artifacts are brought in.
    type: str
    default: ""
  components:
    description: Further components, whose artifacts are brought in with those of O(engine).
    type: list
    elements: str
    default: []
  path:
    description: Directory of the bundle, C($XDG_CACHE_HOME/keelson/bundle) when not given.
    type: path
  architectures:
    description: Architectures to bring in, the controller's own when none is given.
    type: list
    elements: str
    choices: [amd64, arm64]
    default: []
  sources:
    description:
      - Kinds of sources to try, in this order, instead of the manifest's own order.
      - Known are V(directory), V(upstream), V(module), V(package) and V(wheel).
    type: list
    elements: str
    default: []
  manifests:
    description: Folders with manifests that are looked at before those of the collection.
    type: list
    elements: path
    default: []
  directory:
    description:
      - A site's drop folder for source V(directory).
      - Files lie in C(NAME/VERSION/ARCHITECTURE) with a C(SHA256SUMS) beside.
    type: path
  apt_sources:
    description:
      - File in the form of sources.list(5) used for source V(package),
        for hosts of another release than the controller's.
      - The controller's own apt sources when not given.
    type: path
  registries:
    description:
      - Registries that are asked for images instead of others, by the others' names, as C(HOST) or C(HOST/PATH).
      - Credentials are those of C(podman login) or C(docker login), see containers-auth.json(5).
    type: dict
    default: {}
  refresh:
    description: Whether to obtain artifacts anew that the bundle already has.
    type: bool
    default: false
  verify:
    description: Whether to read all blobs first and obtain damaged ones anew.
    type: bool
    default: false
  key:
    description:
      - Private ed25519 key (PEM) that signs the index; it is made, with its public half (C(.pub)) beside it, when it is missing.
      - Hosts that download from the bundle's address trust the index by that public half, or by the digest of C(index.json).
    type: path
attributes:
  check_mode:
    description: Says what would be filled.
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
  platform:
    description: Where it runs.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Bring in what a Nomad cluster needs
  keelson.cluster.bundle:
    engine: nomad

- name: Build everything instead of downloading releases
  keelson.cluster.bundle:
    names: [nomad]
    sources: [module]
"""

RETURN = r"""
path:
  description: Directory of the bundle.
  type: str
  returned: always
filled:
  description: Index entries that were obtained in this run.
  type: list
  elements: dict
  returned: unless in check mode
would_fill:
  description: Artifacts that would be obtained.
  type: list
  elements: str
  returned: in check mode
damaged:
  description: Digests of blobs that were found damaged and removed.
  type: list
  elements: str
  returned: unless in check mode
"""
