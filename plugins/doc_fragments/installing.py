# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation shared by the modules that place artifacts on hosts."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of placing; C(BUNDLE) holds those that choose from a bundle on the controller."""

    DOCUMENTATION = r"""
options:
  root:
    description: Folder under which artifacts are placed.
    type: path
    default: /opt/keelson
  stage:
    description: Bring the versions to the host and leave the links, which say what is used, as they are.
    type: bool
    default: false
  start_services:
    description: Whether services of packages may start when they are installed.
    type: bool
    default: false
  package_timeout:
    description:
      - Seconds to wait, before packages are installed, for cloud-init and for other programs that install packages.
      - A host on which none runs is not waited for.
    type: int
    default: 300
  proxy:
    description: Variables by which the host finds its proxy when it downloads blobs, see P(keelson.cluster.proxy_environment#filter).
    type: dict
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
"""

    BUNDLE = r"""
options:
  names:
    description:
      - Artifacts, as their manifests are called.
      - C(NAME=VERSION) asks for that version. Otherwise it is the one the host has, else the one on the managers of its cluster,
        else the manifest's first.
    type: list
    elements: str
    required: true
  optional:
    description:
      - Whether O(names) is what others asked for, such as who deployed an application. Of these, what the bundle has not, and what
        is more than images, is passed over with a warning.
    type: bool
    default: false
  bundle:
    description:
      - The bundle, a directory on the controller or the address of one served over HTTP.
      - From a directory, missing blobs are carried over the connection.
        From an address, the host downloads them itself.
      - C(#sha256=DIGEST) after an address pins the digest of its C(index.json); C(#key=FILE) names the public key that signed it,
        C(#key=FILE&since=2026-11-28) refuses an index that was signed before, C(#key=FILE&days=30) one that is older.
        An address that begins with C(http://) needs one of them.
      - C($XDG_CACHE_HOME/keelson/bundle) when not given.
    type: str
  manifests:
    description: Folders with manifests that are looked at before those of the collection.
    type: list
    elements: path
    default: []
"""
