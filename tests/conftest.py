# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where all tests find the collection, under the name Ansible gives it, and the `lab` of the drills and benches."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# What the helpers of the drills assert is told as what a test asserts.
pytest.register_assert_rewrite("lab")

COLLECTIONS = Path(__file__).parents[1] / ".ansible" / "collections"

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))


def _note_skipped(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Write down why a test was skipped, for the end of the test ladder (tools/step --summary)."""
    # A worker of pytest-xdist hands its reports to the process that started it, which notes them.
    notes = "" if "PYTEST_XDIST_WORKER" in os.environ else os.environ.get("KEELSON_SKIPPED")
    if notes and report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ").split("\n")[0]
        with Path(notes).open("a", encoding="utf-8") as file:
            print(f"{os.environ.get('KEELSON_STEP', 'pytest')}: {reason}", file=file)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that was skipped."""
    _note_skipped(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that was skipped."""
    _note_skipped(report)
