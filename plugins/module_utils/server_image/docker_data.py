# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's data in an image: only its container images, under names that are the same in every build.

Docker's storage driver gives each layer two names by chance (moby, daemon/graphdriver/overlay2): the folder of the layer
and the short link by which it is mounted. Here both come from the layer's own digest.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from pathlib import Path

DATA = "var/lib/docker"
#: What dockerd does not make anew when it starts.
KEPT = ("image", "overlay2")
LAYERS = "image/overlay2/layerdb/sha256"
LINK_LENGTH = 26  # idLength of the driver


def settle(tree: Path) -> None:
    """Bring Docker's data in a tree to that form; nothing when there is none."""
    data = tree / DATA
    for path in data.iterdir() if data.is_dir() else ():
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    device = data / "overlay2" / "backingFsBlockDev"  # of the builder's disk
    device.unlink(missing_ok=True)
    layers = {layer.name: layer / "cache-id" for layer in (data / LAYERS).glob("*") if (layer / "cache-id").is_file()}
    links = {}
    for chain, note in layers.items():
        old = data / "overlay2" / note.read_text().strip()
        new = old.with_name(hashlib.sha256(chain.encode()).hexdigest())
        old.rename(new)
        note.write_text(new.name)
        link, short = (new / "link").read_text().strip(), _short(chain)
        links[link] = short
        (new / "link").write_text(short)
        (data / "overlay2/l" / link).unlink()
        (data / "overlay2/l" / short).symlink_to(f"../{new.name}/diff")
    for path in (data / "overlay2").glob("*/lower"):
        lower = path.read_text().strip().split(":")
        path.write_text(":".join(f"l/{links[name.removeprefix('l/')]}" for name in lower))


def _short(chain: str) -> str:
    """Capitals and digits, as many as the driver takes, so that many layers fit into the options of a mount."""
    return base64.b32encode(hashlib.sha256(chain.encode()).digest()).decode()[:LINK_LENGTH]
