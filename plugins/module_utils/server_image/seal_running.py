# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last program of a server from which an image is made: it seals the server's own disk. Standard library only.

systemd runs it (systemd-shutdown(8), C(/usr/lib/systemd/system-shutdown)) when every service has ended and the root
file system is read-only, so nothing writes after it: no log, no lease, no seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from . import docker_data, seal

#: Where systemd finds it, and by which a server knows the image it was made from.
PLACE = "usr/lib/systemd/system-shutdown/keelson-seal"
LABEL = "usr/lib/keelson/image.json"


def run(*argv: str) -> None:
    """Run a program of the server."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, env={"PATH": path, "LC_ALL": "C.UTF-8"})


def label(tree: Path, content: dict[str, Any]) -> None:
    """Write what the servers of an image say of it."""
    target = tree / LABEL
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content) + "\n")


def finish(tree: Path, content: dict[str, Any], unshared: list[str]) -> None:
    """Make an image of a tree: no users, no identity, Docker's data settled, and its label."""
    seal.remove_users(tree)
    seal.seal(tree, unshared)
    docker_data.settle(tree)
    label(tree, content)
    (tree / PLACE).unlink(missing_ok=True)


def main() -> None:
    """Seal the root file system, seen without what is mounted on it."""
    with zipfile.ZipFile(sys.argv[0]) as archive:
        content = json.loads(archive.read("data.json"))
    run("mount", "-o", "remount,rw", "/")
    tree = tempfile.mkdtemp(dir="/run")
    run("mount", "--bind", "/", tree)
    try:
        finish(Path(tree), content["label"], content["unshared"])
        sys.stdout.write("keelson: sealed\n")  # to the console
        sys.stdout.flush()
        run("fstrim", tree)
    finally:
        run("umount", tree)
        os.sync()
        run("mount", "-o", "remount,ro", "/")
