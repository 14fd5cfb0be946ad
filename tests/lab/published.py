# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published server images that are made in seconds: plain servers with the label of an image, their files and statements signed.

What `make image` builds has more in it; what becomes of an image afterwards (channels, stacks, servers, releases) is the same.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import publish
from local_servers import debian

CHECK = {"check": "image", "title": "Made of the plain server", "target": "", "passed": True}


def published(images: Path, name: str, key: Path) -> Path:
    """Publish an image of that name; returns its folder."""
    folder = images / name
    folder.mkdir(parents=True)
    label = {"name": name, "engine": "nomad", "made": int(time.time())}
    (folder / "image.json").write_text(json.dumps(label))
    plain, tag = debian.image(debian.PLAIN_SERVER, debian.BOOTS), f"localhost/keelson-drill/{name}"
    (folder / "Containerfile").write_text(f"FROM {plain}\nCOPY image.json /usr/lib/keelson/image.json\n")
    _podman("build", "-q", "-t", tag, str(folder))
    _podman("save", "-q", "-o", str(folder / publish.CONTAINER), tag)
    for file in ("image.json", "Containerfile"):
        (folder / file).unlink()
    manifest = {"format": publish.FORMAT, "name": name, "engine": "nomad", "container": {"name": tag}}
    (folder / publish.MANIFEST).write_text(json.dumps(manifest))
    for file in (publish.BILL, publish.FILES):
        (folder / file).write_text("{}")
    signing, subjects = sign.load_key(key), publish.subjects(folder)
    publish.state(folder, publish.PROVENANCE, subjects, publish.SLSA, {}, signing)
    checked = publish.results(publish.CHECKS, [CHECK])
    publish.state(folder, publish.CHECKS, subjects, publish.TESTED, checked, signing)
    return folder


def forget(name: str) -> None:
    """Remove the container image of a published image."""
    subprocess.run(["podman", "rmi", "-f", f"localhost/keelson-drill/{name}"], capture_output=True, check=False)


def _podman(*arguments: str) -> None:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
