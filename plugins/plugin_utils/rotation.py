# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which phases a rotation still has, and the secrets after each of them: pure functions of the cluster's secrets.

C(prepare): the next secret is accepted beside the present one; C(use): it is used, and the one before is accepted still; C(finish):
that one is refused. What is asked for is a number, so that asking again changes nothing. A cluster is made with number 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.cluster.rotation import FIRST, PHASES, PREPARE, USE

from .contract import MANAGER, NODE, Rotated
from .preflight.model import Cluster
from .user_error import UserError

RENEW = "renew"  # where no number is asked for: another certificate for every host


class RotationError(UserError):
    """The rotation is refused; the message is one line, and nothing was changed."""


def states(payload: Mapping[str, Any], rotated: Mapping[str, Rotated]) -> dict[str, dict[str, Any]]:
    """By name, the number and phase of each secret that can be replaced."""
    return {name: payload.get("rotations", {}).get(name, FIRST) for name in rotated}


def read_asked(given: Mapping[str, Any], rotated: Mapping[str, Rotated], engine: str) -> dict[str, int]:
    """The numbers that are asked for, by name; C(given) has '' for what is not. Raises RotationError."""
    asked = {}
    for name, value in given.items():
        if value in (None, ""):
            continue
        if name not in rotated:
            known = ", ".join(f"rotate_{one}" for one in rotated)
            raise RotationError(
                f"rotate_{name}: this release does not replace it in a cluster of engine {engine}"
                + (f"; it takes {known}" if known else "")
            )
        text = str(value).strip()
        if isinstance(value, bool) or not text.isascii() or not text.isdigit() or int(text) < 1:
            raise RotationError(f"rotate_{name}: {value!r} is no number, such as 2; a cluster is made with number 1")
        asked[name] = int(text)
    return asked


def due(payload: Mapping[str, Any], asked: Mapping[str, int], rotated: Mapping[str, Rotated]) -> dict[str, list[str]]:
    """By name, the phases that are still to be gone through; the last one always is, for hosts may lag behind. Raises RotationError."""
    found = {}
    for name, number in asked.items():
        state = states(payload, rotated)[name]
        has, phase = int(state["number"]), state["phase"]
        under_way = phase != PHASES[-1]
        if under_way and number != has:
            raise RotationError(
                f"rotate_{name}: the rotation to number {has} is under way, in phase {phase}; finish it first with "
                f"-e rotate_{name}={has}"
            )
        if number not in (has, has + 1):
            raise RotationError(
                f"rotate_{name}: the cluster has number {has}; {has + 1} asks for the next, {has} changes nothing, and {number} is neither"
            )
        at = PHASES.index(phase) if number == has else 0
        found[name] = list(PHASES[at:])
    return found


def after(
    payload: Mapping[str, Any],
    phase: str,
    asked: Mapping[str, int],
    rotated: Mapping[str, Rotated],
    cluster: str,
    made: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The secrets after a phase of all that is asked for; each may be done again. C(made) are new ones that were made elsewhere."""
    found = {**payload, "rotations": dict(payload.get("rotations", {}))}
    for name, number in asked.items():
        state, how = states(payload, rotated)[name], rotated[name]
        if phase == PREPARE and state["number"] == number - 1:
            new = dict(made[name]) if name in made else how.make(cluster, number)
            found["rotations"][name] = {"number": number, "phase": phase, "other": new}
        elif phase == USE and (state["number"], state["phase"]) == (number, PREPARE):
            old = {field: found[field] for field in how.fields}
            found.update(state["other"])
            found["rotations"][name] = {"number": number, "phase": phase, "other": old}
        elif phase == PHASES[-1] and (state["number"], state["phase"]) == (number, USE):
            found["rotations"][name] = {"number": number, "phase": phase, "other": {}}
    return found if found["rotations"] else dict(payload)


@dataclass(frozen=True)
class Hosts:
    """The hosts of a cluster: which managers and host nodes take part, and which do not and why."""

    managers: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    absent_managers: Mapping[str, str] = field(default_factory=dict)
    absent_nodes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The phases to go through with the hosts that take part, and what is told of it; C(changes) tells whether secrets change."""

    phases: tuple[str, ...]
    hosts: tuple[str, ...]
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    changes: bool
    done: str


def hosts(cluster: Cluster) -> Hosts:
    """Who of the inventory answers in this run."""
    found: dict[tuple[str, bool], dict[str, str]] = {(p, a): {} for p in (MANAGER, NODE) for a in (True, False)}
    for host in cluster.hosts:
        reason = "does not answer" if host.failure else "is left out by --limit"
        found[(host.part, host.facts is not None)][host.name] = reason
    managers, nodes = (tuple(found[(part, True)]) for part in (MANAGER, NODE))
    return Hosts(managers, nodes, found[(MANAGER, False)], found[(NODE, False)])


def plan(
    payload: Mapping[str, Any],
    asked: Mapping[str, int],
    rotated: Mapping[str, Rotated],
    who: Hosts,
    until: str = PHASES[-1],
) -> Plan:
    """Plan the phases of all that is asked for, together, C(until) the last of them. Raises RotationError."""
    if until not in PHASES:
        raise RotationError(f"rotate_until: {until!r} is no phase; use {', '.join(PHASES)}")
    takes_part = (*who.managers, *who.nodes)
    absent = {**who.absent_managers, **who.absent_nodes}
    names = (
        f"managers {', '.join(who.managers) or 'none'}, one at a time, then host nodes {', '.join(who.nodes) or 'none'}"
    )
    left_out = tuple(f"{name} {reason} and takes no part" for name, reason in absent.items())
    if not asked:
        line = f"another certificate of the present CA: {names}"
        return Plan((RENEW,), takes_part, (line,), left_out, False, "given other certificates")
    phases = due(payload, asked, rotated)
    desired = PHASES[: PHASES.index(until) + 1]
    chosen = [phase for phase in desired if any(phase in found for found in phases.values())]
    then = dict(payload)
    for phase in chosen:
        then = after(then, phase, asked, rotated, "", {})
    changes = then != payload
    if changes and who.absent_managers:
        text = "; ".join(f"{name} {reason}" for name, reason in who.absent_managers.items())
        raise RotationError(
            f"new secrets must lie on every manager before they are used, and {text}; start or remove it first"
        )
    lines = []
    for at, phase in enumerate(chosen, 1):
        what = ", ".join(_words(name, asked[name], phase) for name, found in phases.items() if phase in found)
        lines.append(f"{at} of {len(chosen)}: {phase}: {what}: {names}")
    late = "" if not absent else ", so what was used before stays accepted until it has taken part" if changes else ""
    warnings = tuple(f"{text}{late}" for text in left_out)
    goal = ", ".join(f"{name} number {number}" for name, number in asked.items())
    goal += f", until phase {until}" if until != PHASES[-1] else ""
    done = f"rotated to {goal}" if changes else f"at {goal} already"
    return Plan(tuple(chosen), takes_part, tuple(lines), warnings, changes, done)


def _words(name: str, number: int, phase: str) -> str:
    text = {PREPARE: f"number {number} is accepted too", USE: f"number {number} is used"}
    return f"{name} {text.get(phase, f'number {number} alone is accepted')}"
