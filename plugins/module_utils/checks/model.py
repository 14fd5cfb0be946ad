# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check: one question about a cluster, its answer and the evidence. Standard library only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, TypedDict


class Verdict(NamedTuple):
    """The answer to a check. `evidence` says what was seen, whether good or bad."""

    passed: bool
    evidence: str


class Check(TypedDict):
    """One answered check. `host` asked, `target` was asked about; `seconds` is how long it took."""

    check: str
    title: str
    host: str
    target: str
    passed: bool
    evidence: str
    remedy: str
    seconds: float


def answer(check: str, title: str, target: str, remedy: str, question: Callable[[], Verdict]) -> Check:
    """Ask `question` and return the check. What it raises is a failure with the error as evidence.

    `host` is left empty: the controller knows under which name it asked.
    """
    start = time.monotonic()
    try:
        verdict = question()
    except Exception as error:  # a check that cannot be answered has failed, whatever the reason
        verdict = Verdict(False, f"{type(error).__name__}: {error}")
    return {
        "check": check,
        "title": title,
        "host": "",
        "target": target,
        "passed": verdict.passed,
        "evidence": verdict.evidence,
        "remedy": "" if verdict.passed else remedy,
        "seconds": round(time.monotonic() - start, 3),
    }


def patiently(question: Callable[[], Verdict], deadline: float, pause: float = 2.0) -> Verdict:
    """Ask again until the answer is good, or C(deadline) (of time.monotonic) has passed; the last answer counts."""
    while True:
        verdict = question()
        if verdict.passed or time.monotonic() >= deadline:
            return verdict
        time.sleep(pause)


def failure(check: str, title: str, evidence: str, remedy: str) -> Check:
    """Return a failed check about the host as a whole."""
    return answer(check, title, "", remedy, lambda: Verdict(False, " ".join(evidence.split())[:500]))


def broken(task: str, result: Mapping[str, Any]) -> Check:
    """Return the failed check that stands for a task that failed, out of its result."""
    text = f"{result.get('msg') or 'no message'} {result.get('module_stderr') or ''}"
    return failure("task", f"The task {task} works", text, "see the log of this run")
