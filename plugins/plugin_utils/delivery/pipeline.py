# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines as data: stages with playbooks, inputs and gates. What is wrong in one is found before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import shape
from ..shape import Key, Shape
from ..user_error import UserError

CHANNELS = ("candidate", "tested", "released")
_GATE: Shape = {
    "approval": Key(dict),
    "age": Key(dict),
    "channel": Key(dict),
    "release": Key(dict),
}
_GATES: Mapping[str, Shape] = {
    "approval": {"by": Key(list, inner=str), "four_eyes": Key(bool, default=False)},
    "age": {"hours": Key(int, needed=True, between=(1, 10000))},
    "channel": {
        "directory": Key(needed=True),
        "channel": Key(needed=True, choices=CHANNELS),
        "name": Key(needed=True),
    },
    "release": {"environment": Key(needed=True)},
}
_RELEASE: Shape = {
    "passed": Key(default=""),
    "environments": Key(list, inner=str),
    "parts": Key(list, inner=str),
    "images": Key(default=""),
}
_STAGE: Shape = {
    "description": Key(default=""),
    "after": Key(list, inner=str),
    "environment": Key(default=""),
    "inventory": Key(list, inner=str),
    "playbooks": Key(list, inner=str, needed=True),
    "variables": Key(dict),
    "inputs": Key(list, inner=str),
    "gates": Key(list, inner=_GATE),
    "cleanup": Key(list, inner=str),
    "cleanup_variables": Key(dict),
    "expires_hours": Key(int, default=24, between=(1, 10000)),
    "triggers": Key(list, inner=str),
}
SHAPE: Shape = {
    "name": Key(needed=True),
    "description": Key(default=""),
    "results": Key(default="results"),
    "release": Key(dict, inner=None),
    "stages": Key(dict, inner=_STAGE, needed=True),
}


@dataclass(frozen=True)
class Stage:
    """One stage, checked; C(gates) are pairs of a kind and what it asks for."""

    name: str
    content: Mapping[str, Any]
    gates: tuple[tuple[str, Mapping[str, Any]], ...]

    @property
    def approvals(self) -> list[Mapping[str, Any]]:
        """What its approval gates ask for."""
        return [asked for kind, asked in self.gates if kind == "approval"]

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in self.content:
            raise AttributeError(key)
        return self.content[key]


@dataclass(frozen=True)
class Pipeline:
    """A pipeline's file, checked; the stages are in an order in which each follows those it comes after."""

    path: str
    name: str
    results: str
    release: Mapping[str, Any]
    stages: Mapping[str, Stage]

    def stage(self, name: str) -> Stage:
        """One stage; raise UserError for a name that is none."""
        shape.known(name, self.stages, self.path, "stage")
        return self.stages[name]


def load(path: str, playbooks: Sequence[str]) -> Pipeline:
    """Read a pipeline's file; raise UserError that names the first place that is wrong."""
    return parse(shape.read(path), path, playbooks)


def parse(content: Mapping[str, Any], path: str, playbooks: Sequence[str]) -> Pipeline:
    """Check the content of a pipeline's file. A playbook is one of the collection's, or a path with C(.yml)."""
    raw = shape.held(dict(content), SHAPE, path)
    shape.named(raw["name"], f"{path}: name")
    release = _release(raw, path)
    stages: dict[str, Stage] = {}
    for name, stage in raw["stages"].items():
        where = f"{path}: stages.{name}"
        for playbook in (*stage["playbooks"], *stage["cleanup"]):
            if not playbook.endswith(".yml"):
                shape.known(playbook, playbooks, where, "playbook")
        for before in stage["after"]:
            shape.known(before, raw["stages"], where, "stage")
        for triggered in _own(stage["triggers"], raw["name"]):
            shape.known(triggered, raw["stages"], where, "stage")
        gates = tuple(
            _gate(gate, f"{where}: gates[{index}]", stage, release) for index, gate in enumerate(stage["gates"])
        )
        stages[name] = Stage(name, stage, gates)
        _enough(stages[name], f"{where}: gates")
    order = _order({name: stage.after for name, stage in stages.items()}, f"{path}: stages", "wait for one another")
    triggers = {name: _own(stage.triggers, raw["name"]) for name, stage in stages.items()}
    _order(triggers, f"{path}: stages", "trigger one another without an end", "triggers")
    _releasable(stages, order, release, path)
    return Pipeline(path, raw["name"], raw["results"], release, {name: stages[name] for name in order})


def _enough(stage: Stage, where: str) -> None:
    """Raise UserError where fewer people may approve than approvals are needed."""
    _chosen, few = distinct([asked["by"] for asked in stage.approvals])
    if few:
        needed = f"{len(few) + 1} approvals of as many people are needed"
        raise UserError(f"{where}: can never open: {needed}, and {' and '.join(sorted(few))} alone may give them")


def distinct(choices: Sequence[Sequence[str]]) -> tuple[list[str], set[str]]:
    """One name of each of the choices, none twice; where that cannot be, none, and the names that one choice too many has alone.

    A matching by augmenting paths: a name that is taken is given up where its choice has another.
    """
    taken: dict[str, int] = {}

    def give(index: int, seen: set[str]) -> bool:
        for name in choices[index]:
            if name not in seen:
                seen.add(name)
                if name not in taken or give(taken[name], seen):
                    taken[name] = index
                    return True
        return False

    for index in range(len(choices)):
        seen: set[str] = set()
        if not give(index, seen):
            return [], seen
    return sorted(taken, key=taken.__getitem__), set()


def _release(raw: Mapping[str, Any], path: str) -> dict[str, Any]:
    """What the pipeline says about releases; raise UserError for one that could never be recorded."""
    where = f"{path}: release"
    release = shape.held(raw["release"], _RELEASE, where)
    twice = [name for name, number in Counter(release["environments"]).items() if number > 1]
    if twice:
        raise UserError(f"{where}: environments has {twice[0]} twice; a release goes to each once, in this order")
    if raw["release"]:
        shape.known(release["passed"], raw["stages"], where, "stage (passed)")
        untested = [part for part in release["parts"] if part not in raw["stages"][release["passed"]]["inputs"]]
        if untested:
            raise UserError(
                f"{where}: {untested[0]} is no input of the stage {release['passed']}, so it is not tested with the rest; list it there"
            )
    return release


def _own(triggers: Sequence[str], name: str) -> list[str]:
    """Those of the triggered stages that are of the pipeline itself."""
    return [
        triggered.removeprefix(f"{name}:")
        for triggered in triggers
        if ":" not in triggered or triggered.startswith(f"{name}:")
    ]


def _releasable(stages: Mapping[str, Stage], order: Sequence[str], release: Mapping[str, Any], path: str) -> None:
    """Raise UserError for a gate that waits for a release which can be recorded only after the gate's own stage."""
    needed = {release["passed"]}
    for name in reversed(order):
        if name not in needed:
            continue
        needed |= set(stages[name].after)
        if any(kind == "release" for kind, _asked in stages[name].gates):
            raise UserError(
                f"{path}: stages.{name}: can never open: a release is recorded after the stage {release['passed']}, which needs this one"
            )


def _gate(
    gate: Mapping[str, Any], where: str, stage: Mapping[str, Any], release: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    """A gate of one kind that can open."""
    kinds = [kind for kind, asked in gate.items() if asked]
    if len(kinds) != 1:
        raise UserError(f"{where}: names {len(kinds)} kinds of gate, one of {', '.join(_GATES)} is needed")
    kind = kinds[0]
    asked = shape.held(gate[kind], _GATES[kind], f"{where}.{kind}")
    if kind == "approval" and not any(asked["by"]):
        raise UserError(f"{where}: can never open: nobody may approve; list who may under by")
    if kind == "age" and not stage["after"]:
        raise UserError(f"{where}: can never open: the age is that of results of earlier stages, and after names none")
    if kind == "release" and asked["environment"] not in release["environments"]:
        raise UserError(
            f"{where}: can never open: releases are not promoted to {asked['environment']!r} (release: environments)"
        )
    return kind, asked


def _order(edges: Mapping[str, Sequence[str]], where: str, what: str, key: str = "after") -> list[str]:
    """The stages, each after those it names; raise UserError for a cycle."""
    done: list[str] = []
    left = dict(edges)
    while left:
        ready = [name for name, others in left.items() if all(other in done for other in others)]
        if not ready:
            raise UserError(f"{where}: {', '.join(left)} {what}; remove one of their {key}")
        done += ready
        for name in ready:
            del left[name]
    return done
