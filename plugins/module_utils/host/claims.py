# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a component declares as its own besides what tasks place, recorded with what of it was there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import network, receipts, units
from .booted import booted
from .receipts import CHAIN, INTERFACE, PATH, TABLE, TREE, UNIT, Entry, Receipts


def entries(claims: Mapping[str, list[str]], known: Receipts) -> Iterator[Entry]:
    """The receipts to be written before anything of the component is on the host; of what has one already nothing is asked."""
    declared = {kind: list(names) for kind, names in claims.items()}
    if declared.get(CHAIN):
        declared[TABLE] = [*declared.get(TABLE, []), *network.SHARED]
    for kind, names in declared.items():
        for name in names:
            if kind == PATH:
                yield from receipts.missing_parents(name, known)
            if name not in known.of(kind):
                yield Entry(kind, name, _before(kind, name), TREE if kind == PATH else "")


def _before(kind: str, name: str) -> Any:
    if kind == PATH:
        return receipts.present(name)
    if kind == UNIT:
        state = units.read(units.Unit(name))
        return {"active": state.active and booted(), "enabled": state.enabled, "files": []}
    # An image has the network of its builder, a server made from it none of these.
    return network.matching(kind, name) if kind in (INTERFACE, TABLE, CHAIN) and booted() else []
