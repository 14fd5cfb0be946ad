# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a Python package that this interpreter lacks."""

from __future__ import annotations

import shlex
import sys


def pip_command(*packages: str) -> str:
    """Return the command that installs packages where this Python finds them."""
    return shlex.join([sys.executable or "python3", "-m", "pip", "install", *packages])


def missing(*packages: str) -> str:
    """Return one line that names missing packages and the command that installs them."""
    names = " and ".join(packages)
    return f"the Python package {names} is missing on the controller; run: {pip_command(*packages)}"
