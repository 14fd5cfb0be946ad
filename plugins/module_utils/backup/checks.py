# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a cluster's backups. Standard library only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..checks.model import Check, Verdict, answer

REMEDY = "look at journalctl -u keelson-backup on the manager that it names, then run the backup playbook"


def judge(status: Mapping[str, Any], now: float) -> list[Check]:
    """The checks of what the managers have recorded; C(status) has C(hours), the limit, and C(recorded)."""
    recorded, hours = status["recorded"], float(status["hours"])
    return [
        answer("backup_age", "There is a young backup", "", REMEDY, lambda: age(recorded.get("newest"), hours, now)),
        answer("backup_last", "The last backup went well", "", REMEDY, lambda: last(recorded.get("last"))),
    ]


def age(newest: Mapping[str, Any] | None, hours: float, now: float) -> Verdict:
    """Judge the newest backup by its age."""
    if not newest:
        return Verdict(False, "there is none")
    found = (now - newest["created"]) / 3600
    return Verdict(found <= hours, f"{newest['name']} is {found:.1f} hours old, and {hours:g} are allowed")


def last(attempt: Mapping[str, Any] | None) -> Verdict:
    """Judge the last attempt."""
    if not attempt:
        return Verdict(False, "none was taken")
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(attempt["time"]))
    return Verdict(not attempt["error"], f"{attempt['host']}, {moment}: {attempt['error'] or 'taken'}")
