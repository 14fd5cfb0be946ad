# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: server_image_boot
short_description: Boot a published image by emulation and check what runs there
version_added: 0.1.0
description:
  - Boots two servers from the image, one by BIOS and one by UEFI (where C(ovmf) is installed), each from a throwaway
    overlay with cloud-init's data. One program in each asks whether services, kernel parameters, ssh options, listeners
    and containers are as they should be; then the two are compared in what must differ.
  - When all is well a signed statement says so, which promotion asks for. The image itself stays as it is.
  - Runs where Ansible itself runs, with C(qemu-system-x86), C(qemu-utils), C(dosfstools), C(mtools) and an ssh client.
author: keelson.cluster contributors (@keelson-cluster)
options:
  path:
    description: Folder of the published image.
    type: path
    required: true
  key:
    description: Private ed25519 key in PEM that signed the image and signs this; C($XDG_DATA_HOME/keelson/image.pem) when not given.
    type: path
  timeout:
    description: Seconds until a server must answer by ssh.
    type: int
    default: 300
  ports:
    description: Two ports of this machine's loopback that lead to the servers' ssh; free ones when not given.
    type: list
    elements: int
    default: []
attributes:
  check_mode:
    support: partial
    description: Boots nothing.
  diff_mode:
    support: none
    description: There is nothing to compare with.
"""

EXAMPLES = r"""
- name: Boot the image
  keelson.cluster.server_image_boot:
    path: images/host-node-nomad-1.11.3-amd64-20261122T1510Z
"""

RETURN = r"""
checks:
  description: The checks with their answers, as those of a cluster.
  type: list
  elements: dict
  returned: success
boots:
  description: By server where its boot spent its time, in seconds, and the services that took longest.
  type: dict
  returned: success
  sample: {clone-0: {until userspace: 21.4, until all is up: 58.2, cloud-init.service: 9.1}}
seconds:
  description: How long it took.
  type: float
  returned: success
"""
