# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of verify as evidence: those that stages of a pipeline left, as they were recorded, and others by their paths."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..user_error import UserError
from . import results
from .results import Entry

NAME = "report.json"


def read(path: str) -> dict[str, Any]:
    """A report of verify; raise UserError for what is none."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not {"cluster", "time", "version", "counts", "checks"} <= set(found):
            raise ValueError("it lacks a report's keys")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a report of verify ({error}); name its {NAME}") from error
    return {**found, "digest": results.digest_of(path)}


def recorded(place: str, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The reports of results, oldest first; raise UserError for one that is not what was recorded."""
    found = []
    for entry in entries:
        if entry["kind"] != "result" or not entry["report"]:
            continue
        folder = Path(place) / entry["folder"] / "report"
        if not folder.is_dir():
            raise UserError(f"{folder}: the report of result {entry['number']} is missing; take it from a backup")
        if results.digest_of(str(folder)) != entry["report"]:
            raise UserError(f"{folder}: the report of result {entry['number']} was altered; take it from a backup")
        if (folder / NAME).is_file():
            found.append({**read(str(folder / NAME)), "result": entry["number"]})
    return found
