# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Nomad has the functions. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...checks.model import Verdict
from .deploy import MARK


def functions(jobs: list[Mapping[str, Any]], declared: list[Mapping[str, Any]]) -> Verdict:
    """Judge that Nomad has a job for each function of the gateway, and none is stopped."""
    present = {(job["Namespace"], job["ID"]): job for job in jobs if MARK in (job.get("Meta") or {})}
    lacking = [
        f"{one['tenant']}/{one['name']}"
        for one in declared
        if present.get((one["namespace"], one["job"]), {"Stop": True}).get("Stop")
    ]
    if lacking:
        return Verdict(False, f"not deployed: {', '.join(lacking)}")
    return Verdict(True, f"{len(declared)} functions are deployed")
