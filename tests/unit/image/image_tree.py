# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a small root file system of an image is made of, and the bundle's entry of what is in it."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.expected import profile

PROFILE = profile()  # read once: it is long
STATUS = "Package: {name}\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n\n"


def needs(program: str) -> pytest.MarkDecorator:
    """A test that an image tool must be there for: `make test-image`, which installs them, runs all of these tests again."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    return pytest.mark.skipif(not found, reason=f"needs {program}")


def put(path: Path, text: str = "", mode: int = 0o644) -> None:
    """Write a file of the tree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def entry(content: bytes = b"program") -> dict[str, Any]:
    """The bundle's entry of an artifact with a program, a package and a container image."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return {
        "name": "tool",
        "version": "1.0.0",
        "files": [
            {"path": "tool", "digest": digest, "mode": "0755", "size": len(content)},
            {"path": "images/pause.tar", "digest": digest, "mode": "0644", "size": len(content)},  # gone once loaded
        ],
        "links": {"/usr/local/bin/tool": "tool"},
        "images": [{"name": "registry.example/pause:1", "path": "images/pause.tar"}],
        "packages": [{"name": "runtime", "version": "1.0-1"}],
        "install": ["runtime"],
    }
