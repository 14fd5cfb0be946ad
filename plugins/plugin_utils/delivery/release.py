# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release records: what was tested together, and which environment has which. Pure functions over results' entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import shape
from ..report import composition
from ..shape import Moment
from ..user_error import UserError
from . import gates, results
from .pipeline import Pipeline

Entry = results.Entry


def record(
    pipeline: Pipeline, entries: list[Entry], parts: Mapping[str, str], now: Moment, known: Mapping[str, str] | None
) -> dict[str, Any]:
    """The entry of a new record; raise UserError unless exactly these parts passed the stage that the pipeline names.

    C(known) are the digests of the images in the pipeline's channels, None where it names no such directory.
    """
    stage = pipeline.stage(pipeline.release["passed"])
    passed = results.newest(entries, kind="result", pipeline=pipeline.name, stage=stage.name)
    if passed is None or passed["result"] != gates.PASSED:
        raise UserError(f"a release needs a passed run of the stage {stage.name}; run it first")
    changed = [path for path in parts if path in passed["inputs"] and passed["inputs"][path] != parts[path]]
    missing = [path for path in parts if path not in passed["inputs"] and path != "collection"]
    if changed or missing:
        what = f"{changed[0]} has changed since" if changed else f"{missing[0]} is no input of"
        raise UserError(
            f"{what} the stage {stage.name}, so it was not tested with the rest; {'run it again' if changed else 'list it there'}"
        )
    content = {"parts": dict(parts), "made_of": passed["made_of"], "images": _images(passed, known)}
    records = [entry for entry in entries if entry["kind"] == "release" and entry["pipeline"] == pipeline.name]
    same = next((entry for entry in records if content.items() <= entry.items()), None)
    if same:
        return same
    at = now.isoformat(timespec="seconds")
    return {
        "kind": "release",
        "pipeline": pipeline.name,
        "name": f"{pipeline.name}-{len(records) + 1}",
        **content,
        "tested": passed["number"],
        "at": at,
    }


def _images(passed: Entry, known: Mapping[str, str] | None) -> dict[str, str]:
    """The digests of the images of the hosts on which a stage was passed."""
    found = gates.images(passed["made_of"]) - {composition.NO_IMAGE} if known is not None else set()
    for name in sorted(found - set(known or {})):
        raise UserError(
            f"image {name}, which the stage {passed['stage']} was passed with, is in no channel (release: images); promote it"
        )
    return {name: (known or {})[name] for name in sorted(found)}


def contents(record: Entry) -> dict[str, str]:
    """All that a record names, each with its identity."""
    images = {f"image {name}": digest for name, digest in record.get("images", {}).items()}
    return {**record["parts"], **images, **record.get("made_of", {})}


def of_environment(pipeline: Pipeline, entries: list[Entry], environment: str) -> dict[str, str]:
    """The contents of the release that an environment has, with what its cluster was made of when a stage last passed there.

    Raise UserError where no release was promoted to it.
    """
    name = current(pipeline, entries)[environment]
    if not name:
        raise UserError(f"no release was promoted to {environment} yet, so there is nothing to compare")
    record = find(pipeline, entries, name)
    passed = results.newest(
        entries, kind="result", pipeline=pipeline.name, environment=environment, result=gates.PASSED
    )
    seen = passed["made_of"] if passed and passed.get("made_of") else record.get("made_of", {})
    return contents({**record, "made_of": seen})


def find(pipeline: Pipeline, entries: list[Entry], name: str) -> Entry:
    """A record by its name."""
    known = {
        entry["name"]: entry for entry in entries if entry["kind"] == "release" and entry["pipeline"] == pipeline.name
    }
    shape.known(name, known, pipeline.path, "release")
    return known[name]


def current(pipeline: Pipeline, entries: list[Entry]) -> dict[str, str]:
    """Which release each environment has."""
    found = dict.fromkeys(pipeline.release["environments"], "")
    for entry in entries:
        if entry["kind"] == "promotion" and entry["pipeline"] == pipeline.name:
            found[entry["environment"]] = entry["release"]
    return found


def promote(
    pipeline: Pipeline, entries: list[Entry], name: str, environment: str, by: str, now: Moment
) -> dict[str, Any]:
    """The entry that gives an environment a release; raise UserError when it skips one before."""
    find(pipeline, entries, name)
    order = pipeline.release["environments"]
    shape.known(environment, order, pipeline.path, "environment of releases")
    position = order.index(environment)
    if position:
        was = [
            e
            for e in entries
            if e["kind"] == "promotion" and e["environment"] == order[position - 1] and e["release"] == name
        ]
        if not was:
            raise UserError(
                f"{name} was never in {order[position - 1]}, so it cannot go to {environment}; promote it there first"
            )
    at = now.isoformat(timespec="seconds")
    return {
        "kind": "promotion",
        "pipeline": pipeline.name,
        "release": name,
        "environment": environment,
        "by": by,
        "at": at,
    }


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Parts that differ: {part: (one, other)}."""
    return {
        part: (one.get(part, ""), other.get(part, ""))
        for part in sorted({*one, *other})
        if one.get(part) != other.get(part)
    }
