# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where applications may run: environments, regimes, teams, clusters with their pools, applications and their requirements, as data."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import components, shape
from ..report import model as report
from ..shape import Key, Moment, Shape
from ..user_error import UserError
from . import calendar

#: Ways to keep applications apart, each stronger than the one before.
ISOLATION = ("namespace", "pool", "cluster")
RULES = ("environment", "regime", "data", "isolation", "region", "team", "engine")
DATA = ["public", "internal", "confidential"]

_RUN: Shape = {"environment": Key(needed=True), "cluster": Key(needed=True), "pool": Key(needed=True)}
_WINDOW: Shape = {
    "environments": Key(list, inner=str),
    "days": Key(list, inner=str, default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    "from": Key(object, needed=True),
    "hours": Key(int, needed=True, between=(1, 168)),
    "timezone": Key(default="UTC"),
}
_FREEZE: Shape = {
    "name": Key(needed=True),
    "environments": Key(list, inner=str),
    "from": Key(Moment, needed=True),
    "until": Key(Moment, needed=True),
    "reason": Key(needed=True),
}
_TEAM: Shape = {"group": Key(), "role": Key(default="edit"), "quota": Key(dict), "limits": Key(dict)}
_POOL: Shape = {
    "environments": Key(list, inner=str),
    "regimes": Key(list, inner=str),
    "data": Key(default=""),
    "teams": Key(list, inner=str),
}
_CLUSTER: Shape = {
    "engine": Key(needed=True),
    "region": Key(default=""),
    "environments": Key(list, inner=str, needed=True),
    "teams": Key(list, inner=str),
    "pools": Key(dict, inner=_POOL, needed=True),
}
_APPLICATION: Shape = {
    "team": Key(needed=True),
    "environments": Key(list, inner=str, needed=True),
    "regimes": Key(list, inner=str),
    "data": Key(default=""),
    "isolation": Key(default="namespace", choices=ISOLATION),
    "regions": Key(list, inner=str),
    "engines": Key(list, inner=str),
    "runs": Key(list, inner=_RUN),
}
_EXCEPTION: Shape = {
    "application": Key(needed=True),
    "cluster": Key(needed=True),
    "rules": Key(list, inner=str, needed=True),
    "reason": Key(needed=True),
    "approved_by": Key(needed=True),
    "until": Key(Moment, needed=True),
}
SHAPE: Shape = {
    "data_classes": Key(list, inner=str, default=DATA),
    "environments": Key(dict, inner={"description": Key(default="")}, needed=True),
    "regimes": Key(
        dict,
        inner={
            "description": Key(default=""),
            "excludes": Key(list, inner=str),
            "exclusive": Key(bool, default=True),
            "pod_security": Key(choices=("privileged", "baseline", "restricted")),
            "controls": Key(object),
        },
    ),
    "teams": Key(dict, inner=_TEAM, needed=True),
    "clusters": Key(dict, inner=_CLUSTER, needed=True),
    "applications": Key(dict, inner=_APPLICATION),
    "exceptions": Key(list, inner=_EXCEPTION),
    "freezes": Key(list, inner=_FREEZE),
    "windows": Key(list, inner=_WINDOW),
}


@dataclass(frozen=True)
class Pool:
    """What a pool of a cluster offers. Without C(teams) it is for all; C(cluster_teams) are those of the whole cluster.

    C(confined): the engine lets only the pool's namespaces on it.
    """

    cluster: str
    name: str
    engine: str
    region: str
    environments: frozenset[str]
    regimes: frozenset[str]
    exclusive: frozenset[str]
    data: int  # the highest class
    teams: frozenset[str]
    cluster_teams: frozenset[str]
    confined: bool


@dataclass(frozen=True)
class Requirement:
    """What an application needs in one environment."""

    team: str
    environment: str
    regimes: frozenset[str]
    data: int
    isolation: str
    regions: frozenset[str]
    engines: frozenset[str]


@dataclass(frozen=True)
class Placement:
    """A placement file, checked; C(raw) is its content with defaults."""

    path: str
    raw: Mapping[str, Any]
    pools: Mapping[str, tuple[Pool, ...]]
    requirements: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)


def load(path: str) -> Placement:
    """Read a placement file; raise UserError that names the first place that is wrong."""
    return parse(shape.read(path), path)


def parse(content: Mapping[str, Any], path: str) -> Placement:
    """Check the content of a placement file."""
    raw = shape.held(dict(content), SHAPE, path)
    _references(raw, path)
    for name, regime in raw["regimes"].items():
        regime["controls"] = _controls(regime["controls"], f"{path}: regimes.{name}: controls")
    classes = {name: level for level, name in enumerate(raw["data_classes"])}
    confining = frozenset(name for name in components.engines() if "pools" in components.engine(name).enforces)
    clusters = {
        name: tuple(_pool(raw, name, cluster, pool, classes, confining) for pool in cluster["pools"].items())
        for name, cluster in raw["clusters"].items()
    }
    requirements = {
        name: tuple(_requirements(application, classes)) for name, application in raw["applications"].items()
    }
    return Placement(path, raw, clusters, requirements)


def _pool(
    raw: Mapping[str, Any],
    cluster: str,
    offer: Mapping[str, Any],
    pool: tuple[str, Mapping[str, Any]],
    classes: Mapping[str, int],
    confining: frozenset[str],
) -> Pool:
    name, own = pool
    return Pool(
        cluster=cluster,
        name=name,
        engine=offer["engine"],
        region=offer["region"],
        environments=frozenset(own["environments"] or offer["environments"]),
        regimes=frozenset(own["regimes"]),
        exclusive=frozenset(regime for regime in own["regimes"] if raw["regimes"][regime]["exclusive"]),
        data=classes[own["data"]] if own["data"] else 0,
        teams=frozenset(own["teams"] or offer["teams"]),
        cluster_teams=frozenset(offer["teams"]),
        confined=offer["engine"] in confining,
    )


def _requirements(application: Mapping[str, Any], classes: Mapping[str, int]) -> list[Requirement]:
    shared = (
        frozenset(application["regimes"]),
        classes[application["data"]] if application["data"] else 0,
        application["isolation"],
        frozenset(application["regions"]),
        frozenset(application["engines"]),
    )
    return [Requirement(application["team"], environment, *shared) for environment in application["environments"]]


def _all_known(raw: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> None:
    """Raise UserError for an environment, regime, team or data class of an entry that is not defined."""
    for key, what in {"environments": "environment", "regimes": "regime", "teams": "team"}.items():
        for name in entry.get(key) or []:
            shape.known(name, raw[key], where, what)
    if entry.get("data"):
        shape.known(entry["data"], raw["data_classes"], where, "data class")


def _references(raw: Mapping[str, Any], path: str) -> None:
    """Raise UserError for a name that is used and not defined, and for two regimes that exclude each other on a pool."""
    for name, regime in raw["regimes"].items():
        _all_known(raw, {"regimes": regime["excludes"]}, f"{path}: regimes.{name}")
        if name in regime["excludes"]:
            raise UserError(f"{path}: regimes.{name}: excludes itself, so nothing could ever have it; remove it there")
    for name, cluster in raw["clusters"].items():
        _all_known(raw, cluster, f"{path}: clusters.{name}")
        shape.known(cluster["engine"], components.engines(), f"{path}: clusters.{name}", "engine")
        for pool, offer in cluster["pools"].items():
            where = f"{path}: clusters.{name}.pools.{pool}"
            _all_known(raw, offer, where)
            _apart(offer["regimes"], raw["regimes"], where, "one pool cannot have both; make two pools")
            beyond = sorted(set(offer["environments"]) - set(cluster["environments"]))
            if beyond:
                raise UserError(f"{where}: the cluster does not offer the environment {beyond[0]}; add it there first")
    for name, application in raw["applications"].items():
        where = f"{path}: applications.{name}"
        _all_known(raw, application, where)
        shape.known(application["team"], raw["teams"], where, "team")
        _apart(application["regimes"], raw["regimes"], where, "no pool can have both; make two applications")
        for run in application["runs"]:
            shape.known(run["environment"], application["environments"], where, "environment")
            shape.known(run["cluster"], raw["clusters"], where, "cluster")
            shape.known(run["pool"], raw["clusters"][run["cluster"]]["pools"], where, f"pool of {run['cluster']}")
    for index, entry in enumerate(raw["exceptions"]):
        where = f"{path}: exceptions[{index}]"
        shape.known(entry["application"], raw["applications"], where, "application")
        shape.known(entry["cluster"], raw["clusters"], where, "cluster")
        for rule in entry["rules"]:
            shape.known(rule, RULES, where, "rule")
    for key in ("freezes", "windows"):
        for index, entry in enumerate(raw[key]):
            where = f"{path}: {key}[{index}]"
            _all_known(raw, entry, where)
            if key == "windows":
                calendar.check(entry, where)
            elif entry["until"] <= entry["from"]:
                raise UserError(f"{where}: until is not after from, so it would freeze nothing")


def _controls(given: Any, where: str) -> dict[str, list[str]]:
    """The regime's own controls, each with the kinds of checks that it is judged by."""
    found = given or {}
    if isinstance(found, list):
        found = {control: [] for control in found}
    if not isinstance(found, dict) or not all(isinstance(kinds or [], list) for kinds in found.values()):
        raise UserError(f"{where} is neither a list of controls nor a mapping of controls to lists of kinds of checks")
    known = {kind for kinds in report.groups(components.known().values()).values() for kind in kinds}
    for kind in (str(kind) for kinds in found.values() for kind in kinds or []):
        shape.known(kind, sorted(known), where, "kind of check")
    return {str(control): [str(kind) for kind in kinds or []] for control, kinds in found.items()}


def _apart(names: list[str], regimes: Mapping[str, Any], where: str, what: str) -> None:
    for name in names:
        both = sorted(set(regimes[name]["excludes"]) & set(names))
        if both:
            raise UserError(f"{where}: the regimes {name} and {both[0]} exclude each other: {what}")


def moment_of(text: str | None) -> Moment:
    """Now, or the moment that a test or a question about another day names."""
    return shape.moment(text, "now") if text else Moment.now(datetime.timezone.utc)
