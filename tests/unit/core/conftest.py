# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the core's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_nomad import TOKEN, A, B, C, FakeNomad


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
