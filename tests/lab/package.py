# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users have it: built and installed by ansible-galaxy."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .runs import BIN, ROOT


def plain() -> dict[str, str]:
    """The environment without the settings of this repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}


def installed(base: Path) -> Path:
    """The folder of collections below C(base) that ansible-galaxy installed the package to."""
    galaxy = [str(BIN / "ansible-galaxy"), "collection"]
    subprocess.run([*galaxy, "build", "--output-path", str(base)], cwd=ROOT, check=True, capture_output=True)
    package = next(base.glob("keelson-cluster-*.tar.gz"))
    install = [*galaxy, "install", "-p", str(base / "to"), str(package)]
    subprocess.run(install, check=True, capture_output=True, env=plain() | {"ANSIBLE_COLLECTIONS_PATH": str(base)})
    return base / "to"
