# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units with their files: all at once, put off to a later task, or with the way back. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import files as host_files
from . import previous, switch
from . import units as service_units
from .receipts import UNIT, Receipts
from .units import Unit


@dataclass
class Outcome:
    """What was, or in check mode would be, done; C(pending) units wait for a restart and nothing was changed then."""

    changes: list[host_files.Change] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    fault: str = ""

    @property
    def paths(self) -> list[str]:
        """The files that were, or would be, changed."""
        return [change.path for change in self.changes]


@dataclass(frozen=True)
class How:
    """How files and units are brought to their states; C(links) are those to switch, with where they are to lead."""

    check: bool
    rollback: bool = False
    links: Mapping[str, str] = field(default_factory=dict)


def put_off(files: list[dict[str, Any]], units: Sequence[Unit], foreseen: Sequence[str], receipts: Receipts) -> Outcome:
    """Tell which units a change of the files would restart, and change nothing. Raises FileError."""
    outcome = Outcome()
    host_files.ensure_all(files, True, outcome.changes, receipts)
    seen = [*outcome.paths, *foreseen]
    outcome.pending = [u.name for u in units if "restart" in service_units.plan(u, service_units.read(u, seen))]
    return outcome


def apply(
    files: list[dict[str, Any]],
    units: Sequence[Unit],
    foreseen: Sequence[str],
    how: How,
    outcome: Outcome,
    receipts: Receipts,
) -> None:
    """Write the files and bring the units to their states, noting all in C(outcome). Raises FileError.

    With C(rollback), a unit that does not run with its new files gets the old ones back, as all files of the call.
    """
    check, rollback = how.check, how.rollback and not how.check
    if rollback:
        previous.begin()
        previous.keep([*(entry["path"] for entry in files), *how.links])
    host_files.ensure_all(files, check, outcome.changes, receipts)
    if how.links and not check:
        switch.switch(how.links)
    outcome.actions += [f"switch {link}" for link in how.links]
    for unit in units:
        state = service_units.read(unit, [*outcome.paths, *foreseen, *how.links] if check else [])
        planned = service_units.plan(unit, state)
        if state.stale and "restart" not in planned:
            outcome.stale.append(unit.name)
        if (planned or receipts.others(UNIT, unit.name)) and unit.state != "stopped" and not check:
            receipts.record([service_units.recorded(unit, state)])
        for action in planned:
            if not check:
                outcome.fault = _act(unit, action, rollback) or ""
            if outcome.fault:
                return
            if action != "daemon-reload":
                outcome.actions.append(f"{action} {unit.name}")


def _act(unit: Unit, action: str, rollback: bool) -> str | None:
    if not rollback or action != "restart":
        return service_units.carry_out(unit, action)
    previous.keep([], [unit.name])
    fault = service_units.restart(unit)
    return taken_back(fault) if fault else None


def taken_back(fault: str) -> str:
    """Put back what was replaced; returns the whole message about C(fault)."""
    left = previous.restore()
    now = (
        f"Putting the old configuration back did not help: {'; '.join(left)}"
        if left
        else "The old one is back and runs"
    )
    fault = f"{os.uname().nodename}: {fault}"
    return f"{fault} with its new configuration. {now}; hosts after this one keep theirs. Correct it, then run again."
