# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: server_image_channel
short_description: Promote an image to a channel, or tell which image a channel has
version_added: 0.1.0
description:
  - An image goes from V(candidate) to V(tested) to V(released), each time by its digest. Its files must be those that
    were built and tested, as the signed statements beside them say; V(tested) asks for the boot test too.
  - Going back is asking for the image before the newest (O(back=1)), or promoting the earlier one again.
author: keelson.cluster contributors (@keelson-cluster)
options:
  image_directory:
    description: Directory with the images; without O(name) also its address, where it is served over HTTP.
    type: str
    required: true
  channel:
    description: The channel.
    type: str
    choices: [candidate, tested, released]
    required: true
  name:
    description: Name of the image that is promoted. Without it the channel's image is returned.
    type: str
  public_key:
    description: Public key that is trusted for statements and the index, C($XDG_DATA_HOME/keelson/image.pub) when not given.
    type: path
  key:
    description: Private key that signs the index, C($XDG_DATA_HOME/keelson/image.pem) when not given.
    type: path
  back:
    description: How many promotions before the newest the image is desired.
    type: int
    default: 0
  max_age:
    description:
      - How many days ago the index may have been signed that an address serves; V(0) accepts any. An older one may be one from before an
        image was taken back. Each promotion signs it anew, also of the image that is the newest already.
    type: int
    default: 90
attributes:
  check_mode:
    support: partial
    description: Says whether another image would be the channel's newest, and does not look at its files.
  diff_mode:
    support: none
    description: The index is short enough to read.
"""

EXAMPLES = r"""
- name: Promote an image that booted well
  keelson.cluster.server_image_channel:
    image_directory: images
    channel: tested
    name: host-node-nomad-1.11.3-amd64-20261122T1510Z

- name: Ask which image the pools get
  keelson.cluster.server_image_channel:
    image_directory: https://images.example.com/
    channel: released
  register: released
"""

RETURN = r"""
image:
  description: C(name), C(digest) of the disk and the moment it was C(promoted).
  type: dict
  returned: success
"""
