# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the program of the backups on a manager, where the role has put it. Standard library only."""

from __future__ import annotations

import json
from typing import Any

from ..host import programs
from .archive import BackupError

FOLDER = "/usr/local/lib/keelson/backup"

__all__ = ["BackupError", "ask"]


def ask(verb: str, cluster: str, folder: str = FOLDER) -> Any:
    """What the program answers. Raises BackupError with what it says."""
    command = ["/usr/bin/python3", "-B", "-m", "utils.backup.program", verb, cluster]
    done = programs.run(command, more={"PYTHONPATH": folder})
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise BackupError(lines[-1] if lines else f"the program in {folder} ends with {done.returncode}")
    return json.loads(done.stdout)
