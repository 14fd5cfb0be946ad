# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the events of functions are saved: by the program of the role that knows JetStream. Standard library only."""

from __future__ import annotations

import os
import subprocess

from ..backup.archive import BackupError

PROGRAM = "/usr/local/lib/keelson-faas/snapshot.py"
PACKAGES = "/opt/keelson/nats-py/current"


def save(cluster: str, folder: str) -> None:
    """Write snapshots of all streams into a folder. Raises BackupError, OSError."""
    command = ["/usr/bin/python3", "-s", "-B", PROGRAM, "save", folder]
    environment = {**os.environ, "PYTHONPATH": PACKAGES}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(done.stderr.strip() or f"{PROGRAM} ends with {done.returncode}")
