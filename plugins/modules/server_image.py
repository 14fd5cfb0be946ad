# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Implemented by the action plugin of the same name.

DOCUMENTATION = r"""
module: server_image
short_description: Build the server image of an engine's host nodes
version_added: 0.1.0
description:
  - Runs the template C(packer/host_node) with the Packer of the bundle. A root file system is unpacked from the base,
    prepared by role C(host_node) (entry point C(image)) as live servers are, sealed, and written as a disk that boots
    by BIOS and UEFI.
  - Nothing is mounted and no loop device is used. When the build fails or is killed nothing lies under the image's name.
  - Runs where Ansible itself runs, as root, on a Debian with C(mmdebstrap), C(systemd-container), C(qemu-utils),
    C(fdisk), C(dosfstools) and C(mtools).
author: keelson.cluster contributors (@keelson-cluster)
options:
  engine:
    description: Engine whose host nodes boot from the image.
    type: str
    required: true
  artifacts:
    description:
      - Artifacts that the finished image must have, as the bundle knows them; C(NAME=VERSION) asks for a version.
      - The first gives the image its version.
      - Those that O(engine) and O(components) have in an image when none is given.
    type: list
    elements: str
    default: []
  components:
    description: Further components that host nodes have, in the image with O(engine).
    type: list
    elements: str
    default: []
  output:
    description:
      - Directory in which the image appears, as a folder of its own that is complete or not there at all - C(disk.qcow2),
        C(manifest.json), C(sbom.cdx.json) (CycloneDX), C(files.gz) (every file by digest) and signed C(statements).
    type: path
    required: true
  bundle:
    description: Directory of the bundle, C($XDG_CACHE_HOME/keelson/bundle) when not given.
    type: path
  builder:
    description:
      - By which way the image comes about. V(tree) makes a disk without virtualisation; V(docker) makes a container image
        for local servers, by Podman; V(qemu) makes a disk from O(base), a vendor's cloud image, which it starts.
      - The others make an image in a cloud, which keeps it; it is not checked and nothing is published here.
    type: str
    choices: [tree, docker, qemu, amazon-ebs, azure-arm, googlecompute, openstack, proxmox]
    default: tree
  target:
    description:
      - File with the variables of the builder's template, as C(packer/host_node/targets) has one for each. A cloud's builder
        needs it; what it does not know is refused.
    type: path
  architecture:
    description: Architecture of the image, that of the machine that builds it.
    type: str
    choices: [amd64]
    default: amd64
  base:
    description:
      - A tar with the root file system of a plain Debian with a kernel, GRUB, cloud-init and an ssh server. For builder
        V(qemu) a disk of such a Debian, as its vendor publishes it.
      - Unless given, one is made by C(mmdebstrap) as C(packer/host_node/base.json) says, and kept.
    type: path
  base_digest:
    description: Digest of O(base) as C(sha256:HEX); anything else is refused.
    type: str
    default: ""
  base_days:
    description: Days after which the kept base is made anew, so that it has the newest security updates.
    type: float
    default: 7.0
  apt_sources:
    description: File as in sources.list(5) from which the base is made, and which the image keeps; the builder's unless given.
    type: path
  size:
    description: Size of the disk in MiB. The root file system grows to the size of a larger one at the first boot.
    type: int
    default: 4096
  var_size:
    description:
      - Of O(size) what C(/var) has as a file system of its own, in MiB; with V(0) it is part of the root's. It is then
        C(/var) that grows on a larger disk. Builder V(tree) alone makes partitions.
    type: int
    default: 0
  data_device:
    description:
      - Device of a data volume that servers from the image have beside their disk, such as V(/dev/vdb). At a boot it is made
        an ext4 file system if it has none, grown to the device, and mounted on O(data_path).
      - The engine's services do not start without it; a server that has none can still be reached.
    type: str
    default: ""
  data_path:
    description: Where the data volume is mounted; the image has nothing there.
    type: str
    default: /srv
  kernel_options:
    description:
      - More of the kernel's command line. C(no_timer_check) lets it start on a host so busy that its timer seems to stand.
    type: str
    default: console=tty0 console=ttyS0,115200n8 no_timer_check
  key:
    description:
      - Private ed25519 key in PEM that signs what is said about the image; C($XDG_DATA_HOME/keelson/image.pem) when not given.
      - It is made the first time. Its public half, by which others verify, lies beside it with the suffix C(.pub).
    type: path
  variables:
    description: Variables of role C(host_node) for this image.
    type: dict
    default: {}
attributes:
  check_mode:
    support: partial
    description: Always says that an image would be built.
  diff_mode:
    support: none
    description: There is nothing to compare with.
"""

EXAMPLES = r"""
- name: Build the image of Nomad's host nodes
  keelson.cluster.server_image:
    engine: nomad
    output: images
"""

RETURN = r"""
name:
  description: Name of the image.
  type: str
  returned: success
  sample: host-node-nomad-1.11.3-amd64-20261122T1510Z
path:
  description: The disk, or the archive of the container image.
  type: str
  returned: when a file was published
kept:
  description: How a cloud calls the images that were made in it.
  type: list
  elements: str
  returned: for the builders of clouds
digest:
  description: Digest of the file, as C(sha256:HEX).
  type: str
  returned: success
size:
  description: Its size in bytes.
  type: int
  returned: success
checks:
  description: The checks of the finished file with their answers, as those of a cluster.
  type: list
  elements: dict
  returned: success
checks_seconds:
  description: Seconds of the checks, with the unpacking of the file for them.
  type: float
  returned: success
seconds:
  description: How long it took.
  type: float
  returned: success
phases:
  description: Seconds of each phase by its title.
  type: dict
  returned: success
"""
