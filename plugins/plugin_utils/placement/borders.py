# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Borders between teams that not every engine holds: what is to be told, and which need a cluster of their own. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .model import Placement, Pool

POOLS = "pools"
#: By what an engine may enforce: what follows where it does not.
UNENFORCED: Mapping[str, str] = {
    POOLS: "an application of any namespace may name any pool",
    "quota": "what a namespace uses has no limit",
    "limits": "what an instance of a namespace uses has no limit",
    "teams": "no group of people is bound to a namespace; bind it to the role of the namespace's deploys",
    "network": "applications of one namespace reach those of another over the network",
    "metrics": "whoever reaches the API reads the metrics of all namespaces",
    "names": "the names of all namespaces' services can be resolved",
}
_COMPARED = ("environments", "regimes", "teams", "data")


def limits(enforces: frozenset[str], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What of the namespaces is not enforced, in words."""
    missing = [key for key in UNENFORCED if key not in enforces]
    asked = {key for entry in entries for key in entry}
    about = [key for key in missing if key in asked or key in (POOLS, "network", "metrics", "names")]
    return [UNENFORCED[key] for key in about] if entries else []


def open_pools(placement: Placement) -> Iterator[tuple[str, Pool, Pool, str]]:
    """Pools of a cluster that offer different things, though their engine keeps no application off either: what differs."""
    for name, pools in placement.pools.items():
        for pool in pools[1:]:
            different = [key for key in _COMPARED if getattr(pool, key) != getattr(pools[0], key)]
            if different and not pool.confined:
                yield name, pools[0], pool, " and ".join(different)
