# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of benchmarks, of which one bench alone may be measured anew."""

from __future__ import annotations

import importlib

import pytest
from local_servers.programs import ROOT


def test_only_the_sections_that_were_measured_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests/bench"))
    figures = importlib.import_module("figures")
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert figures.composed(page, []) == page
    old = f"{figures.HEAD}\n## One\n\nold\n\n## Two\n\n### of it\n\nkept\n"
    assert figures.composed(old, ["## Three\n\nnew", "## One\n\nnew"]) == (
        f"{figures.HEAD}\n## One\n\nnew\n\n## Two\n\n### of it\n\nkept\n\n## Three\n\nnew\n"
    )
