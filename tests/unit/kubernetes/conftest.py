# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of engine kubernetes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import removed, view
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.probes import inside
from fake_kubernetes import FakeKubernetes


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[FakeKubernetes]:
    """An API without any object."""
    (tmp_path / "kubernetes").mkdir()
    fake = FakeKubernetes(tmp_path / "kubernetes")
    yield fake
    fake.close()


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a real cluster here."""
    monkeypatch.setattr(view, "PAUSE", 0.02)
    monkeypatch.setattr(removed, "SPREADS", 0)
    monkeypatch.setattr(inside, "SETTLES", 0.1)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Call as run(module, **options); returns what the module answers."""

    def call(module: str, **options: Any) -> dict[str, Any]:
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        with pytest.raises(SystemExit):
            importlib.import_module(f"ansible_collections.keelson.cluster.plugins.modules.{module}").main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call
