# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the programs that local servers are made with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keelson" / "images"


class Fault(Exception):
    """What was asked for cannot be done; the text says why, and what to do."""


def run(*command: str | Path, given: str = "") -> str:
    """What the command prints, without the last line's end; Fault with what it says when it fails."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Fault(f"{command[0]} is not installed: make hosts-tools image-tools") from error
    if done.returncode:
        raise Fault(
            f"{' '.join(map(str, command[:3]))} … failed: {done.stderr.strip() or done.stdout.strip() or done.returncode}"
        )
    return done.stdout.rstrip("\n")


def asked(*command: str | Path) -> str:
    """What the command prints, whether it ends well or not: nothing, where what is asked about is not there."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def succeeds(*command: str | Path) -> bool:
    """Whether the command ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
