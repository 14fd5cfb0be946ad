# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a placement means for one cluster, as data of its engine: namespaces, who works in them, pools and their taints. Pure.

A namespace is for one team, in one environment, on one pool: the strongest borders of both engines lie between namespaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import components
from ..user_error import UserError
from . import borders
from .model import Placement, Pool

PREFIX = "keelson.cluster"
_ALWAYS = {"name", "labels", "deploy"}


def cluster(placement: Placement, name: str) -> dict[str, Any]:
    """Namespaces, taints by pool, and what the engine cannot enforce; raise UserError for a cluster that is not in the file."""
    if name not in placement.pools:
        raise UserError(
            f"{placement.path}: clusters: {name} is not defined; there are {', '.join(placement.pools) or 'none'}"
        )
    pools = {pool.name: pool for pool in placement.pools[name]}
    engine = components.engine(placement.raw["clusters"][name]["engine"])
    found: dict[str, dict[str, Any]] = {}
    for application in placement.raw["applications"].values():
        for run in application["runs"]:
            if run["cluster"] == name:
                entry = _namespace(placement, application, run, pools[run["pool"]])
                found[entry["name"]] = entry
    closed = [pool for pool in pools.values() if pool.exclusive or pool.teams]
    taint = {pool.name: [{"key": f"{PREFIX}/pool", "value": pool.name, "effect": "NoSchedule"}] for pool in closed}
    entries = [found[key] for key in sorted(found)]
    limits = borders.limits(engine.enforces, entries)
    kept = [{key: value for key, value in entry.items() if key in engine.enforces | _ALWAYS} for entry in entries]
    return {"engine": engine.name, "namespaces": kept, "taints": taint, "limits": limits}


def namespace(team: str, environment: str, pool: str) -> str:
    """The name of the namespace for a team's applications of an environment on a pool."""
    return f"{team}-{environment}-{pool}"


def _namespace(
    placement: Placement, application: Mapping[str, Any], run: Mapping[str, Any], pool: Pool
) -> dict[str, Any]:
    name = namespace(application["team"], run["environment"], pool.name)
    if len(name) > 63:
        raise UserError(f"{placement.path}: the namespace {name} has more than 63 characters; choose shorter names")
    team = placement.raw["teams"][application["team"]]
    levels = [placement.raw["regimes"][regime]["pod_security"] for regime in pool.regimes]
    labels = {"team": application["team"], "environment": run["environment"], "pool": pool.name}
    entry: dict[str, Any] = {
        "name": name,
        "labels": {f"{PREFIX}/{key}": value for key, value in labels.items()},
        "deploy": f"{application['team']}-{run['environment']}",
    }
    level = next((known for known in ("restricted", "baseline", "privileged") if known in levels), None)
    if level:
        entry["pod_security"] = level
    for key in ("quota", "limits"):
        if team[key]:
            entry[key] = team[key]
    if team["group"]:
        entry["teams"] = [{"name": team["group"], "role": team["role"]}]
    return entry
