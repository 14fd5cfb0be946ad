# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take members out of a cluster of any engine, one after the other. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .members import Member, canonical

#: The options that the removal modules of all engines take.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "cluster": {"type": "str", "required": True},
    "members": {"type": "list", "elements": "dict", "required": True},
    "probes": {"type": "dict", "default": {}},
    "managers": {"type": "int", "default": 0},
    "deadline": {"type": "int", "default": 120},
    "timeout": {"type": "int", "default": 60},
}


class Refused(Exception):
    """The member was not removed; the message says why and what to do."""


class Changed(Exception):
    """The member that was to be removed is another one by now, and was left alone."""


@dataclass(frozen=True)
class Evidence:
    """What managers saw when they tried to reach members: by manager, for each address whether anything answered there.

    C(managers) counts all managers of the inventory, also those that were not asked or did not answer.
    """

    probes: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    managers: int = 0

    def alive(self, address: str) -> str:
        """Why the host at C(address) cannot be taken for dead, or ''.

        It is dead when most of the managers looked for it and none of them got an answer.
        """
        answers = {
            name: seen
            for name, found in self.probes.items()
            for where, seen in found.items()
            if canonical(where) == canonical(address)
        }
        reached = sorted(name for name, seen in answers.items() if seen)
        if reached:
            return f"it answers {', '.join(reached)}"
        needed = self.managers // 2 + 1
        if len(answers) < needed:
            return f"{len(answers)} of {self.managers} managers could look for it, and {needed} are needed"
        return ""


@dataclass(frozen=True)
class Conditions:
    """How members are removed; C(deadline) and C(timeout) are in seconds, C(check) changes nothing."""

    deadline: float = 0
    timeout: float = 0
    check: bool = False
    evidence: Evidence = field(default_factory=Evidence)


#: Removes a member; tells whether something was to be done. Raises Refused, Changed.
Step = Callable[[Member], bool]


def no_quorum(others: Mapping[str, bool]) -> str:
    """Why the managers would have no quorum without the one that goes, or ''; C(others) tells by name who is well."""
    well, needed = sum(others.values()), len(others) // 2 + 1
    if well >= needed:
        return ""
    sick = ", ".join(sorted(name for name, healthy in others.items() if not healthy)) or "nobody is left"
    return (
        f"of the {len(others)} managers left {well} would be healthy, and the quorum is {needed} (not healthy: {sick})"
    )


@dataclass
class Outcome:
    """Who was C(removed) by name, and why others were C(refused) or C(skipped)."""

    removed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def remove(entries: Sequence[Mapping[str, Any]], steps: Mapping[str, Step], outcome: Outcome) -> None:
    """Remove whoever can be removed by the step for its part, noting all in C(outcome).

    That is complete up to the place where a step fails. Raises KeyError where a member lacks what it needs.
    """
    for member in [Member.read(entry) for entry in entries]:
        try:
            if steps[member.part](member):
                outcome.removed.append(member.name)
        except Refused as error:
            outcome.refused.append(str(error))
        except Changed as error:
            outcome.skipped.append(str(error))
