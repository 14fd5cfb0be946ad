# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one stage of a pipeline on the controller: its playbooks in turn, what cleans up after them, and the record of it all."""

from __future__ import annotations

import datetime
import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..shape import Moment
from ..user_error import UserError
from . import gates, reports, results
from .pipeline import Pipeline, Stage

TAIL = 25


def now() -> Moment:
    """This moment."""
    return Moment.now(datetime.timezone.utc)


def starter() -> str:
    """Who starts a run, and where."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's account without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def command(playbook: str, inventory: Sequence[str], variables: str) -> list[str]:
    """The command of one playbook."""
    program = shutil.which("ansible-playbook")
    if not program:
        raise UserError("ansible-playbook is not in PATH; a stage runs its playbooks with it")
    name = playbook if playbook.endswith(".yml") else f"keelson.cluster.{playbook}"
    return [program, *(part for source in inventory for part in ("-i", source)), "-e", f"@{variables}", name]


def check_playbooks(stage: Stage) -> None:
    """Raise UserError for a playbook of the user that is not there, before those that come before it have run."""
    for playbook in (*stage.playbooks, *stage.cleanup):
        if playbook.endswith(".yml") and not Path(playbook).is_file():
            raise UserError(f"stage {stage.name}: there is no playbook {playbook} in {Path.cwd()}; nothing was started")


def _log(folder: Path, name: str) -> Path:
    """Where the output of a playbook goes: a stage may run one twice, or two of the same name."""
    others = sum(1 for path in folder.glob("*.log") if re.fullmatch(rf"{re.escape(name)}(-\d+)?", path.stem))
    return folder / (f"{name}-{others + 1}.log" if others else f"{name}.log")


def play(
    playbooks: Sequence[str], inventory: Sequence[str], variables: Mapping[str, Any], folder: Path, config: str | None
) -> str:
    """Run playbooks in turn, their output in a log each; returns what failed, or nothing."""
    environment = {
        **os.environ,
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
        **({"ANSIBLE_CONFIG": config} if config else {}),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(dict(variables), file, default=str)  # YAML has dates
        file.flush()
        for playbook in playbooks:
            log = _log(folder, Path(playbook).stem)
            with log.open("w", encoding="utf-8") as writing:
                done = subprocess.run(
                    command(playbook, inventory, file.name),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=writing,
                    stderr=writing,
                    check=False,
                )
            if done.returncode:
                last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])
                return (
                    f"the playbook {playbook} failed ({done.returncode}), its output is in {log}; it ends with:\n{last}"
                )
    return ""


def run(
    pipeline: Pipeline,
    stage: Stage,
    entries: list[results.Entry],
    inputs: Mapping[str, str],
    approvals: Sequence[results.Entry],
    by: str,
    inventory: Sequence[str],
    given: Mapping[str, Any],
    key: Any,
    config: str | None,
) -> tuple[results.Entry, str]:
    """Run a stage that may run; returns its result, recorded, and what failed. What cleans up runs in any case."""
    base = {"pipeline": pipeline.name, "stage": stage.name, "environment": stage.environment, "by": by or starter()}
    began, start = now(), time.monotonic()
    begun = results.append(pipeline.results, {"kind": "begun", **base, "at": began.isoformat(timespec="seconds")}, key)
    folder = Path(pipeline.results) / f"{begun['number']:05}-{stage.name}"
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report"
    variables = {"verify_report": str(report), "placement_report": str(report), **stage.variables, **given}
    sources = [str(source) for source in stage.inventory or inventory]
    failed = play(stage.playbooks, sources, variables, folder, config)
    made_of, unread = _made_of(report)
    failed = failed or unread or gates.other_than_released(pipeline, stage, entries, made_of)
    uncleaned = play(stage.cleanup, sources, {**variables, **stage.cleanup_variables}, folder, config)
    content = {
        "kind": "result",
        **base,
        "run": begun["number"],
        "result": gates.FAILED if failed or uncleaned else gates.PASSED,
        "cleaned": not uncleaned,
        "began": began.isoformat(timespec="seconds"),
        "ended": now().isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - start, 1),
        "inputs": dict(inputs),
        "made_of": made_of,
        "playbooks": list(stage.playbooks),
        "approvals": [entry["number"] for entry in approvals],
        "override_freeze": str(given.get("override_freeze", "")),
        "report": results.digest_of(str(report)) if report.is_dir() else "",
        "folder": folder.name,
    }
    return results.append(pipeline.results, content, key), failed or uncleaned


def _made_of(report: Path) -> tuple[dict[str, str], str]:
    """What the cluster that a stage verified is made of, and what is wrong with its report."""
    path = report / reports.NAME
    if not path.is_file():
        return {}, ""
    try:
        return dict(reports.read(str(path)).get("made_of", {})), ""
    except UserError as error:
        return {}, str(error)


def reap(
    pipeline: Pipeline, entries: list[results.Entry], inventory: Sequence[str], key: Any, config: str | None
) -> list[str]:
    """Clean up after runs that were left and are older than their stage says; returns what was cleaned, by run.

    Raise UserError, after the others were cleaned, for those that cannot be.
    """
    cleaned, wrong = [], []
    for entry in _left(pipeline, entries):
        stage, named = pipeline.stages[entry["stage"]], f"run {entry['number']} of the stage {entry['stage']}"
        age = now() - Moment.fromisoformat(entry["at"])
        if age < datetime.timedelta(0):
            wrong.append(f"{named} began at {entry['at']}, which is yet to come; correct the clock")
        if age < datetime.timedelta(hours=stage.expires_hours):
            continue
        folder = Path(pipeline.results) / f"{entry['number']:05}-{stage.name}"
        folder.mkdir(parents=True, exist_ok=True)
        sources = [str(source) for source in stage.inventory or inventory]
        failed = play(stage.cleanup, sources, {**stage.variables, **stage.cleanup_variables}, folder, config)
        if failed:
            wrong.append(f"{named} was left and cannot be cleaned up: {failed}")
            continue
        reaped = {
            "kind": "reaped",
            "pipeline": pipeline.name,
            "stage": stage.name,
            "run": entry["number"],
            "by": starter(),
        }
        results.append(pipeline.results, {**reaped, "at": now().isoformat(timespec="seconds")}, key)
        cleaned.append(f"{stage.name} ({entry['number']})")
    if wrong:
        raise UserError("; ".join(wrong))
    return cleaned


def _left(pipeline: Pipeline, entries: Sequence[results.Entry]) -> list[results.Entry]:
    """The newest run of each stage, where it began and was not cleaned up after: a run has the servers of those before it."""
    done = {entry["run"] for entry in entries if entry["kind"] in ("result", "reaped") and entry.get("cleaned", True)}
    newest = {
        entry["stage"]: entry for entry in entries if entry["kind"] == "begun" and entry["pipeline"] == pipeline.name
    }
    return [
        entry
        for name, entry in newest.items()
        if name in pipeline.stages and pipeline.stages[name].cleanup and entry["number"] not in done
    ]
