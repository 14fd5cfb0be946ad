# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of this machine that work on images."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from ..errors import ImageError


def run(argv: Sequence[str], given: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed; raise ImageError with its last words when it fails.

    `given` is its input; `environment` comes on top of ours. Programs of the administrator are found as well.
    """
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    variables = {**os.environ, "LC_ALL": "C.UTF-8", **(environment or {}), "PATH": path}
    try:
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, env=variables)
    except FileNotFoundError as error:
        raise ImageError(f"{argv[0]} is not installed on this machine; install it and run again") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}").splitlines()
        raise ImageError(f"{argv[0]} failed: {' | '.join(lines[-3:])}")
    return done.stdout
