# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence for an auditor: for one regime who did what, when, by which approval, on what, with which exceptions. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import shape
from ..placement.model import Placement
from ..shape import Moment
from .results import Entry


def collect(placement: Placement, regime: str, entries: list[Entry], now: Moment) -> dict[str, Any]:
    """What belongs to a regime: its controls and applications, and all entries about the environments they run in."""
    shape.known(regime, placement.raw["regimes"], placement.path, "regime")
    applications = {
        name: content for name, content in placement.raw["applications"].items() if regime in content["regimes"]
    }
    environments = sorted({environment for content in applications.values() for environment in content["environments"]})
    names = {
        entry.get("release")
        for entry in entries
        if entry["kind"] == "promotion" and entry["environment"] in environments
    }
    staged = {entry["stage"] for entry in entries if entry["kind"] == "result" and entry["environment"] in environments}
    about = [
        entry
        for entry in entries
        if entry.get("environment") in environments
        or (entry["kind"] == "release" and entry["name"] in names)
        or (entry["kind"] == "approval" and entry["stage"] in staged)
    ]
    exceptions = [entry for entry in placement.raw["exceptions"] if entry["application"] in applications]
    return {
        "format": 1,
        "regime": regime,
        "controls": placement.raw["regimes"][regime]["controls"],
        "at": now.isoformat(timespec="seconds"),
        "environments": environments,
        "applications": {name: content["runs"] for name, content in applications.items()},
        "exceptions": [{**entry, "until": f"{entry['until']:%Y-%m-%d}"} for entry in exceptions],
        "entries": about,
    }


def flat(content: Mapping[str, Any]) -> dict[str, str]:
    """Evidence as lines that can be compared."""
    found = {"controls": ", ".join(content["controls"])}
    for name, places in content["applications"].items():
        found[f"application {name}"] = ", ".join(f"{run['cluster']}/{run['pool']}" for run in places)
    for entry in content["exceptions"]:
        found[f"exception {entry['application']} on {entry['cluster']}"] = f"until {entry['until']}: {entry['reason']}"
    for entry in content["entries"]:
        words = [str(entry[key]) for key in ("stage", "release", "name", "result", "decision", "by") if entry.get(key)]
        found[f"{entry['kind']} {entry['number']}"] = " ".join(words)
    return found
