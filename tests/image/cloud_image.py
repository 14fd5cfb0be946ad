# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud_image.py FILE: a stand-in for a vendor's cloud image, for builder qemu where none can be downloaded.

It is the base of the fast builder as a disk, with an address by DHCP and nothing else: no role was near it. As root.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import default_root, digest_of
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import base, build, disk, tree
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly.spec import TREE
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request

SIZE, OPTIONS = 2048, "console=tty0 console=ttyS0,115200n8 no_timer_check"
DHCP = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"


def main(target: Path) -> None:
    """Write the disk, and print its digest as server_image_base_digest wants it."""
    places = {"output": target.parent, "bundle": default_root(), "key": target, "base": "", "base_digest": ""}
    about = {"engine": "nomad", "architecture": "amd64", "base_days": 7.0, "apt_sources": "", "artifacts": ["nomad"]}
    request = Request(**places, **about, size=SIZE, kernel_options=OPTIONS, epoch=int(time.time()))  # type: ignore[arg-type]
    with build.workspace(target.parent) as work:
        spec = request.spec(default_root().parent / "images")
        root = work / TREE
        base.unpack(base.used(work, spec, print), root)
        (root / "etc/systemd/network/90-dhcp.network").write_text(DHCP)
        tree.run(root, ["systemctl", "--quiet", "enable", "systemd-networkd", "systemd-resolved"])
        disk.write(root, disk.Disk("cloud image", SIZE, OPTIONS, request.epoch), work / "raw")
        disk.convert(work / "raw", target)
    print(f"server_image_base={target} server_image_base_digest={digest_of(target)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
