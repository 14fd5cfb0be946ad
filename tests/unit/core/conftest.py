# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the core's tests."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from fake_nomad import TOKEN, A, B, C, FakeNomad
from module_runs import MODULES, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call as run(module, check=False, **options); returns what the module answers."""

    def call(module: str, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"ANSIBLE_MODULE_ARGS": {**options, "_ansible_check_mode": check}}
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(given).encode())
        with pytest.raises(SystemExit):
            importlib.import_module(f"{MODULES}.{module}").main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


@pytest.fixture
def nomad(tmp_path: Path) -> Iterator[FakeNomad]:
    """A Nomad that was never bootstrapped."""
    (tmp_path / "nomad").mkdir()
    fake = FakeNomad(tmp_path / "nomad")
    yield fake
    fake.close()


@pytest.fixture
def ruled(nomad: FakeNomad) -> FakeNomad:
    """A bootstrapped Nomad of three managers, the first of which leads."""
    nomad.tokens[TOKEN] = {"Type": "management"}
    nomad.set_servers(f"{A}*", B, C)
    return nomad
