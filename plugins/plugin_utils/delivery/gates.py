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
from .pipeline import Pipeline, Stage

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
    used: list[Entry] = []
    subject = about(stage, before, inputs)
    for kind, asked in stage.gates:
        if kind == "approval":
            used.append(_approval(pipeline, stage, entries, subject, asked))
        elif kind == "age":
            opens = max(_moment(entry["ended"]) for entry in before.values()) + datetime.timedelta(hours=asked["hours"])
            if now < opens:
                raise UserError(
                    f"stage {stage.name}: opens at {opens:%Y-%m-%d %H:%M} UTC, {asked['hours']} hours after the stages before"
                )
        elif kind == "release":
            _released(pipeline, stage, entries, asked["environment"], parts())
        elif not channel(asked):
            raise UserError(
                f"stage {stage.name}: {asked['name']} is not in the channel {asked['channel']} of {asked['directory']}"
            )
    return used


def _approval(pipeline: Pipeline, stage: Stage, entries: list[Entry], subject: str, asked: Mapping[str, Any]) -> Entry:
    """The newest decision about exactly this, of those whom this gate asks."""
    theirs = [entry for entry in entries if entry.get("by") in asked["by"]]
    decision = results.newest(theirs, kind="approval", pipeline=pipeline.name, stage=stage.name, about=subject)
    if decision is None:
        who = " or ".join(asked["by"])
        raise UserError(
            f"stage {stage.name}: waits for the approval of {who}: -e pipeline_approval=approve -e pipeline_by=NAME "
            f"-e pipeline_stage={stage.name}"
        )
    if decision["decision"] == DENIED:
        raise UserError(
            f"stage {stage.name}: {decision['by']} denied it ({decision['reason'] or 'no reason given'}); nothing was started"
        )
    return decision


def _released(
    pipeline: Pipeline, stage: Stage, entries: list[Entry], environment: str, parts: Mapping[str, str]
) -> None:
    """Raise UserError unless what lies here is the release that was promoted to the environment."""
    promotion = results.newest(entries, kind="promotion", pipeline=pipeline.name, environment=environment)
    if promotion is None:
        raise UserError(
            f"stage {stage.name}: no release was promoted to {environment} yet; promote one that was tested"
        )
    record = results.newest(entries, kind="release", pipeline=pipeline.name, name=promotion["release"]) or {"parts": {}}
    tested = record["parts"]
    wrong = [part for part in {**parts, **tested} if tested.get(part) != parts.get(part)]
    if wrong:
        raise UserError(
            f"stage {stage.name}: {wrong[0]} is not that of the release {promotion['release']}, which {environment} has"
        )


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
    asked = [gate for kind, gate in stage.gates if kind == "approval"]
    if not asked:
        raise UserError(f"stage {stage.name} needs no approval")
    shape.known(by, [name for gate in asked for name in gate["by"]], f"stage {stage.name}", "approver (pipeline_by)")
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
