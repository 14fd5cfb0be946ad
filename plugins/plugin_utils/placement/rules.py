# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of placement: where an application may run, and why not there. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..shape import Moment
from .borders import open_pools
from .model import Placement, Pool, Requirement

ALLOWED, USED, FORBIDDEN = "allowed", "used", "forbidden"


@dataclass(frozen=True)
class Rule:
    """Why not, in words, or nothing; and what of a requirement it reads."""

    reads: tuple[str, ...]
    why_not: Callable[[Requirement, Pool], str]


def _regime(requirement: Requirement, pool: Pool) -> str:
    if not requirement.regimes <= pool.regimes:
        return f"has no {_listed(requirement.regimes - pool.regimes)}"
    return (
        "" if pool.exclusive <= requirement.regimes else f"is only for {_listed(pool.exclusive - requirement.regimes)}"
    )


def _isolation(requirement: Requirement, pool: Pool) -> str:
    alone = {requirement.team}
    if requirement.isolation == "cluster" and pool.cluster_teams != alone:
        return f"is in a cluster that is not for {requirement.team} alone"
    if requirement.isolation != "pool" or pool.cluster_teams == alone:
        return ""
    if not pool.confined:
        return f"is in a cluster whose engine, {pool.engine}, keeps nobody off a pool, and which is not for {requirement.team} alone"
    return "" if pool.teams == alone else f"is not for {requirement.team} alone"


RULES: Mapping[str, Rule] = {
    "environment": Rule(
        ("environment",),
        lambda d, p: (
            "" if d.environment in p.environments else f"offers {_listed(p.environments)}, not {d.environment}"
        ),
    ),
    "regime": Rule(("regimes",), _regime),
    "data": Rule(("data",), lambda d, p: "" if d.data <= p.data else "takes only data of a lower class"),
    "isolation": Rule(("isolation", "team"), _isolation),
    "region": Rule(
        ("regions",),
        lambda d, p: (
            ""
            if not d.regions or p.region in d.regions
            else f"lies in {p.region or 'no region'}, not {_listed(d.regions)}"
        ),
    ),
    "team": Rule(
        ("team",),
        lambda d, p: "" if not p.teams or d.team in p.teams else f"is for {_listed(p.teams)}, not for {d.team}",
    ),
    "engine": Rule(
        ("engines",),
        lambda d, p: "" if not d.engines or p.engine in d.engines else f"runs {p.engine}, not {_listed(d.engines)}",
    ),
}


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def why_not(requirement: Requirement, pool: Pool, lifted: frozenset[str] = frozenset()) -> str:
    """Why an application of this requirement may not run there; nothing: it may. Exceptions lift rules."""
    return "; ".join(
        words for name, rule in RULES.items() if name not in lifted and (words := rule.why_not(requirement, pool))
    )


@dataclass(frozen=True)
class Cell:
    """One application on one cluster: state, the pools that are possible, and why the others are not."""

    state: str
    pools: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Violation:
    """What is wrong: where, why, and what to do."""

    place: str
    text: str
    remedy: str


class Matrix:
    """Every application on every cluster. What meets a rule is a set of pools, kept as the bits of a number, found once."""

    def __init__(self, placement: Placement, now: Moment) -> None:
        self.placement, self.now = placement, now
        self.lifted = excused(placement, now)
        self._pools = [pool for pools in placement.pools.values() for pool in pools]
        self._met: dict[tuple[Any, ...], int] = {}
        self._bits = {cluster: self._those(lambda p, c=cluster: p.cluster == c) for cluster in placement.pools}  # type: ignore[misc]
        self._possible = {
            name: [self._pools_of(name, requirement) for requirement in requirements]
            for name, requirements in placement.requirements.items()
        }

    def _those(self, chosen: Callable[[Pool], bool]) -> int:
        return sum(1 << index for index, pool in enumerate(self._pools) if chosen(pool))

    def _pools_of(self, name: str, requirement: Requirement) -> int:
        """Where an application may run in one environment."""
        found = -1
        for rule_name, rule in RULES.items():
            key = (rule_name, *(getattr(requirement, read) for read in rule.reads))
            if key not in self._met:
                self._met[key] = self._those(lambda pool, why=rule.why_not: not why(requirement, pool))  # type: ignore[misc]
            met = self._met[key]
            for cluster, rules in self.lifted.get(name, {}).items():
                met |= self._bits[cluster] if rule_name in rules else 0
            found &= met
        return found

    def somewhere(self, name: str, number: int) -> bool:
        """Whether an application may run anywhere in the environment of its requirement C(number)."""
        return bool(self._possible[name][number])

    def state(self, name: str, cluster: str) -> str:
        """Used, allowed or forbidden."""
        if any(run["cluster"] == cluster for run in self.placement.raw["applications"][name]["runs"]):
            return USED
        return ALLOWED if any(bits & self._bits[cluster] for bits in self._possible[name]) else FORBIDDEN

    def cell(self, name: str, cluster: str) -> Cell:
        """The state and its reasons."""
        possible, reasons = [], []
        lifted = self.lifted.get(name, {}).get(cluster, frozenset())
        for pool in self.placement.pools[cluster]:
            for requirement in self.placement.requirements[name]:
                place, against = f"{pool.name} ({requirement.environment})", why_not(requirement, pool, lifted)
                if against:
                    reasons.append(f"{place} {against}")
                else:
                    possible.append(place)
        return Cell(self.state(name, cluster), tuple(possible), tuple(reasons))

    def states(self) -> dict[str, dict[str, str]]:
        """All of it: {application: {cluster: state}}."""
        return {name: {cluster: self.state(name, cluster) for cluster in self._bits} for name in self._possible}


def excused(placement: Placement, now: Moment) -> dict[str, dict[str, frozenset[str]]]:
    """Rules that exceptions lift until their end: {application: {cluster: rules}}."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for entry in placement.raw["exceptions"]:
        if entry["until"] > now:
            of_application = found.setdefault(entry["application"], {})
            known = of_application.get(entry["cluster"], frozenset())
            of_application[entry["cluster"]] = known | frozenset(entry["rules"])
    return found


def violations(matrix: Matrix) -> Iterator[Violation]:
    """What fails a check: exceptions that have ended, borders that an engine does not hold, places that are used and forbidden,
    applications without a place.
    """
    placement = matrix.placement
    for index, entry in enumerate(placement.raw["exceptions"]):
        if entry["until"] <= matrix.now:
            text = f"the exception of {entry['application']} on {entry['cluster']} ended on {entry['until']:%Y-%m-%d}"
            yield Violation(f"exceptions[{index}]", text, "remove it; or let it be approved anew, with a later end")
    for cluster, one, other, different in open_pools(placement):
        text = f"the pools {one.name} and {other.name} offer different {different}, but {other.engine} keeps nobody off a pool"
        yield Violation(
            f"cluster {cluster}", text, f"give {other.name} a cluster of its own, or let both offer the same"
        )
    for name, requirements in placement.requirements.items():
        for run in placement.raw["applications"][name]["runs"]:
            why = _wrong(matrix, name, run)
            if why:
                text = f"runs on {run['cluster']}, pool {run['pool']}, in {run['environment']}, which {why}"
                yield Violation(f"application {name}", text, "move it, or enter an exception with an end date")
        for number, requirement in enumerate(requirements):
            if not matrix.somewhere(name, number):
                yield _nowhere(placement, name, requirement)


def _wrong(matrix: Matrix, name: str, run: Mapping[str, Any]) -> str:
    requirement = next(d for d in matrix.placement.requirements[name] if d.environment == run["environment"])
    pool = next(p for p in matrix.placement.pools[run["cluster"]] if p.name == run["pool"])
    return why_not(requirement, pool, matrix.lifted.get(name, {}).get(run["cluster"], frozenset()))


def wrong_places(matrix: Matrix) -> frozenset[tuple[str, str]]:
    """Which applications run on which clusters against the rules."""
    applications = matrix.placement.raw["applications"]
    return frozenset(
        (name, run["cluster"])
        for name in applications
        for run in applications[name]["runs"]
        if _wrong(matrix, name, run)
    )


def _nowhere(placement: Placement, name: str, requirement: Requirement) -> Violation:
    """An application with no possible cluster: the pool that lacks least is named."""
    pools = [pool for offers in placement.pools.values() for pool in offers]
    nearest = min(pools, key=lambda pool: sum(bool(rule.why_not(requirement, pool)) for rule in RULES.values()))
    text = (
        f"no cluster may run it in {requirement.environment}; nearest is {nearest.cluster}, pool {nearest.name}, "
        f"which {why_not(requirement, nearest)}"
    )
    return Violation(f"application {name}", text, "change its requirements, or offer a pool that meets them")
