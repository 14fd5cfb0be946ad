# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stage may run, and what is recorded of a run. Pure functions over the entries of a results directory."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any

from .. import shape
from ..shape import Moment
from ..user_error import UserError
from . import results
from .pipeline import Pipeline, Stage, distinct

PASSED, FAILED = "passed", "failed"
APPROVED, DENIED = "approved", "denied"
Entry = results.Entry


def stage_results(pipeline: Pipeline, stage: Stage, entries: list[Entry]) -> dict[str, Entry]:
    """The newest result of each stage that comes before; raise UserError unless all have passed."""
    found: dict[str, Entry] = {}
    for name in stage.after:
        entry = results.newest(entries, kind="result", pipeline=pipeline.name, stage=name)
        if entry is None:
            raise UserError(f"stage {stage.name}: the stage {name} has not run yet; run it first")
        if entry["result"] != PASSED:
            raise UserError(
                f"stage {stage.name}: the stage {name} {entry['result']} (result {entry['number']}); correct it, run it again"
            )
        found[name] = entry
    return found


def unchanged(stage: Stage, before: Mapping[str, Entry], inputs: Mapping[str, str]) -> None:
    """Raise UserError when an input is not what the stages before have tested."""
    for name, entry in before.items():
        for path, found in entry["inputs"].items():
            if path in inputs and inputs[path] != found:
                raise UserError(
                    f"stage {stage.name}: {path} has changed since the stage {name} passed; run that stage again"
                )


def open_gates(
    pipeline: Pipeline,
    stage: Stage,
    entries: list[Entry],
    before: Mapping[str, Entry],
    inputs: Mapping[str, str],
    now: Moment,
    channel: Callable[[Mapping[str, Any]], bool],
    parts: Callable[[], Mapping[str, str]],
) -> list[Entry]:
    """The approvals that open the stage's gates; raise UserError for the first gate that is shut."""
    used = _approvals(pipeline, stage, entries, about(stage, before, inputs))
    for kind, asked in stage.gates:
        if kind == "age":
            opens = max(_moment(entry["ended"]) for entry in before.values()) + datetime.timedelta(hours=asked["hours"])
            if now < opens:
                raise UserError(
                    f"stage {stage.name}: opens at {opens:%Y-%m-%d %H:%M} UTC, {asked['hours']} hours after the stages before"
                )
        elif kind == "release":
            _released(pipeline, stage, entries, asked["environment"], parts())
        elif kind == "channel" and not channel(asked):
            raise UserError(
                f"stage {stage.name}: {asked['name']} is not in the channel {asked['channel']} of {asked['directory']}"
            )
    return used


def _approvals(pipeline: Pipeline, stage: Stage, entries: list[Entry], subject: str) -> list[Entry]:
    """For each gate an approval of exactly this, each of another person; raise UserError where one lacks."""
    found: list[list[Entry]] = []
    gates = stage.approvals
    for asked in gates:
        may = _may(pipeline, stage, entries, asked)
        theirs = [entry for entry in entries if entry.get("by") in may]
        decision = results.newest(theirs, kind="approval", pipeline=pipeline.name, stage=stage.name, about=subject)
        if decision is None:
            raise UserError(
                f"stage {stage.name}: waits for the approval of {' or '.join(may) or 'somebody else'}: "
                f"-e pipeline_approval=approve -e pipeline_by=NAME -e pipeline_stage={stage.name}"
            )
        if decision["decision"] == DENIED:
            reason = decision["reason"] or "no reason given"
            raise UserError(f"stage {stage.name}: {decision['by']} denied it ({reason}); nothing was started")
        newest = {
            e["by"]: e for e in theirs if e["kind"] == "approval" and e["stage"] == stage.name and e["about"] == subject
        }
        found.append([entry for entry in newest.values() if entry["decision"] == APPROVED])
    chosen, _few = distinct([[entry["by"] for entry in approved] for approved in found])
    if len(chosen) < len(gates):
        asked_for = " or ".join(dict.fromkeys(name for asked in gates for name in asked["by"]))
        given = ", ".join(sorted({entry["by"] for entries_of_gate in found for entry in entries_of_gate}))
        raise UserError(
            f"stage {stage.name}: {len(gates)} gates need approvals of as many people, of {asked_for}; {given} approved"
        )
    return [next(entry for entry in approved if entry["by"] == name) for approved, name in zip(found, chosen)]


def _may(pipeline: Pipeline, stage: Stage, entries: list[Entry], asked: Mapping[str, Any]) -> list[str]:
    """Who may approve at a gate."""
    started = _starters(pipeline, stage, entries) if asked["four_eyes"] else {}
    return [name for name in asked["by"] if name not in started]


def _starters(pipeline: Pipeline, stage: Stage, entries: list[Entry]) -> dict[str, str]:
    """Who started the stages before, also those further before, and which; of C(user@host) the user too."""
    found: dict[str, str] = {}
    left = list(stage.after)
    while left:
        name = left.pop()
        left += pipeline.stages[name].after
        entry = results.newest(entries, kind="result", pipeline=pipeline.name, stage=name)
        if entry:
            found.update({entry["by"]: name, entry["by"].partition("@")[0]: name})
    return found


def _released(
    pipeline: Pipeline, stage: Stage, entries: list[Entry], environment: str, parts: Mapping[str, str]
) -> None:
    """Raise UserError unless what lies here is the release that was promoted to the environment."""
    promotion, record = _promoted(pipeline, entries, environment)
    if promotion is None:
        raise UserError(
            f"stage {stage.name}: no release was promoted to {environment} yet; promote one that was tested"
        )
    tested = record["parts"]
    wrong = [part for part in {**parts, **tested} if tested.get(part) != parts.get(part)]
    if wrong:
        raise UserError(
            f"stage {stage.name}: {wrong[0]} is not that of the release {promotion['release']}, which {environment} has"
        )


def images(made_of: Mapping[str, str]) -> set[str]:
    """The names of all images of a cluster."""
    return {name for part, names in made_of.items() if part.startswith("image of ") for name in names.split(", ")}


def other_than_released(pipeline: Pipeline, stage: Stage, entries: list[Entry], made_of: Mapping[str, str]) -> str:
    """What of a cluster is not what its environment's release was tested with, or nothing; of stages with such a gate."""
    for environment in (asked["environment"] for kind, asked in stage.gates if kind == "release"):
        _promotion, record = _promoted(pipeline, entries, environment)
        tested = record.get("made_of", {})
        if not tested or not made_of:
            return ""
        pairs = [("image", name, images(tested)) for name in sorted(images(made_of))]
        pairs += [
            (part, name, set(tested.get(part, "").split(", ")))
            for part, names in made_of.items()
            if part.startswith("artifact ")
            for name in names.split(", ")
        ]
        for part, name, known in pairs:
            if name not in known:
                had = ", ".join(sorted(known - {""})) or "none"
                return f"{part} {name} runs in {environment}, but the release {record['name']} was tested with {had}"
    return ""


def _promoted(pipeline: Pipeline, entries: list[Entry], environment: str) -> tuple[Entry | None, Entry]:
    """The promotion by which an environment has its release, and the record of it."""
    promotion = results.newest(entries, kind="promotion", pipeline=pipeline.name, environment=environment)
    name = promotion["release"] if promotion else ""
    record = results.newest(entries, kind="release", pipeline=pipeline.name, name=name)
    return promotion, record or {"parts": {}, "name": name}


def decide(
    pipeline: Pipeline,
    stage: Stage,
    entries: list[Entry],
    inputs: Mapping[str, str],
    decision: str,
    by: str,
    reason: str,
    now: Moment,
) -> dict[str, Any]:
    """The entry of an approval or a denial; raise UserError when there is nothing to decide, or by somebody else."""
    asked = stage.approvals
    if not asked:
        raise UserError(f"stage {stage.name} needs no approval")
    shape.known(by, [name for gate in asked for name in gate["by"]], f"stage {stage.name}", "approver (pipeline_by)")
    if decision == "approve" and not any(by in _may(pipeline, stage, entries, gate) for gate in asked):
        started = _starters(pipeline, stage, entries)[by]
        raise UserError(
            f"stage {stage.name}: {by} started the stage {started}, and somebody else must approve it (four_eyes)"
        )
    before = stage_results(pipeline, stage, entries)
    verdict = APPROVED if decision == "approve" else DENIED
    return {
        "kind": "approval",
        "pipeline": pipeline.name,
        "stage": stage.name,
        "decision": verdict,
        "by": by,
        "reason": reason,
        "about": about(stage, before, inputs),
        "at": now.isoformat(timespec="seconds"),
    }


def about(stage: Stage, before: Mapping[str, Entry], inputs: Mapping[str, str]) -> str:
    """What an approval is about: the results of the stages before, the inputs, and what the stage does with them."""
    numbers = {name: entry["number"] for name, entry in before.items()}
    does = json.dumps(stage.content, sort_keys=True, default=str)
    return results.digest({"before": numbers, "inputs": dict(inputs), "stage": does})


def _moment(text: str) -> Moment:
    return shape.moment(text, "result")
