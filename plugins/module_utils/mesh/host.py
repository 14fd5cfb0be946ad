# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bringing sidecars about has in common for all providers of the mesh. Standard library only."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from ..host import services, trees, units
from ..host.receipts import UNIT, Receipts
from . import places


class SidecarError(Exception):
    """The sidecars cannot be as they shall; the message says which and why. The old files are in place."""


@dataclass
class Done:
    """What was, or in check mode would be, done."""

    outcome: services.Outcome = field(default_factory=services.Outcome)
    settings: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether anything was."""
        return bool(self.outcome.paths or self.outcome.actions or self.settings or self.removed or self.renewed)


def settle(
    files: list[dict[str, Any]],
    desired: list[units.Unit],
    check: bool,
    done: Done,
    receipts: Receipts,
) -> None:
    """Bring files and units to the desired state. Raises SidecarError."""
    services.apply(files, desired, [], services.How(check), done.outcome, receipts)
    if done.outcome.fault:
        raise SidecarError(done.outcome.fault)


def unit_of(name: str) -> units.Unit:
    """The unit of a sidecar: another Envoy takes over by a reload, and what cannot be read again needs a restart."""
    return units.Unit(
        places.unit(name),
        "fresh",
        [f"{places.CONFIG}/{name}/bootstrap.json", f"{units.UNITS}/mesh-sidecar@.service"],
        [places.ENVOY],
    )


def remove(names: set[str], check: bool, receipts: Receipts, done: Done) -> None:
    """Remove the sidecars that were placed and are not among C(names). Raises SidecarError."""
    placed = {
        key.partition("@")[2].removesuffix(".service") for key in receipts.of(UNIT) if key.startswith("mesh-sidecar@")
    }
    for name in sorted(placed - names):
        unit = units.Unit(places.unit(name), "absent")
        steps = units.plan(unit, units.read(unit))
        if steps or os.path.exists(f"{places.CONFIG}/{name}"):
            done.removed.append(name)
        if check:
            continue
        for step in steps:
            fault = units.carry_out(unit, step)
            if fault:
                raise SidecarError(fault)
        for folder in (places.CONFIG, places.STATE):
            if os.path.isdir(f"{folder}/{name}"):
                trees.remove(f"{folder}/{name}")
