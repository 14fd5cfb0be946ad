# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down every task and result of a run, and cut the run off where a drill asks for it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: observer
type: aggregate
short_description: Write down every task of a run, and cut the run off
description:
  - Writes one JSON document a line to the file C(LAB_OBSERVER), at the start of each task, for each host's result, and
    at the end.
  - With C(LAB_CUT=N) the run gets SIGKILL as soon as task N is over on all its hosts, counted from 1; with
    C(LAB_CUT=N.first) as soon as the first host is through it, while it is still at work on the others. Instead of its
    number a part of the task's name may be given, and with C(NAME#K) the K-th task of that name. With C(@SECONDS) behind it the
    run gets the signal that long after the task began, while it is at work; C(@SECONDS) alone counts from the run's begin.
  - C(changed#K) is the K-th task that has changed something, after all its hosts, and C(changed#K.first) after the first that it has
    changed.
"""


CHANGED = "changed"


class CallbackModule(CallbackBase):
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "observer"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Open the file the environment names."""
        super().__init__(*arguments, **options)
        self._file = open(os.environ["LAB_OBSERVER"], "a", encoding="utf-8")  # noqa: SIM115 (open as long as the run)
        where = os.environ.get("LAB_CUT", "0")
        self._early = where.endswith(".first")
        where, _within, seconds = where.removesuffix(".first").partition("@")
        self._within = float(seconds) if seconds else None
        where, _number, nth = where.partition("#")
        self._cut, self._cut_name = (int(where), "") if where.isdigit() else (0, where)
        self._before = int(nth or 1)  # tasks of that name until then
        self._number = 0
        self._changed = 0  # tasks that have changed something
        self._counted = 0  # the last of them
        if self._within is not None and not where:
            threading.Timer(self._within, self._end).start()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Count the task; the one before it is over now."""
        self._cut_after(self._number)
        self._number += 1
        if self._cut_name not in ("", CHANGED) and self._cut_name in task.get_name():
            self._before -= 1
            self._cut = self._cut if self._before else self._number
        self._write(event="task", number=self._number, name=task.get_name(), action=task.resolved_action)
        if self._within is not None and self._number == self._cut:
            threading.Timer(self._within, self._end).start()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The last task is over."""
        self._cut_after(self._number)
        self._write(event="end")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Tell changed from unchanged."""
        self._result(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A failure is a failure, ignored or not."""
        self._result(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A skipped task costs its host time all the same."""
        self._result(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """The host did not answer."""
        self._result(result, "unreachable")

    def _result(self, result: Any, status: str) -> None:
        self._write(event="result", number=self._number, host=result.host.get_name(), status=status)
        if status == "changed" and self._counted != self._number:
            self._changed, self._counted = self._changed + 1, self._number
            if self._cut_name == CHANGED and self._changed == self._before:
                self._cut = self._number
        if self._early and self._number == self._cut and (self._cut_name != CHANGED or status == "changed"):
            self._end()

    def _cut_after(self, number: int) -> None:
        if number and number == self._cut and not self._early and self._within is None:
            self._end()

    def _end(self) -> None:
        self._write(event="cut")
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def _write(self, **document: Any) -> None:
        self._file.write(json.dumps({**document, "time": time.time()}) + "\n")
        self._file.flush()
