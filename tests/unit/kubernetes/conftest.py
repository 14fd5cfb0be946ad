# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of engine kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import view
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
    monkeypatch.setattr(inside, "SETTLES", 0.1)
