# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nomad tells of a job that does not run as it should. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FAULTS = ("Driver Failure", "Setup Failure", "Failed Validation", "Not Restarting")


def events(allocations: Iterable[Mapping[str, Any]], kinds: tuple[str, ...] = FAULTS) -> list[tuple[int, str]]:
    """Return when and on which node something of these kinds befell an allocation, and what."""
    return [
        (event["Time"], f"{allocation['NodeName']}: {event['DisplayMessage']}")
        for allocation in allocations
        for state in (allocation.get("TaskStates") or {}).values()
        for event in state.get("Events") or []
        if event["Type"] in kinds
    ]


def unplaced(evaluations: Iterable[Mapping[str, Any]]) -> list[dict[str, int]]:
    """Return for each allocation without a place what kept nodes from being one, and how many; {} where there is no node."""
    return [
        {**(failed.get("ConstraintFiltered") or {}), **(failed.get("DimensionExhausted") or {})}
        for evaluation in evaluations
        for failed in (evaluation.get("FailedTGAllocs") or {}).values()
    ]
