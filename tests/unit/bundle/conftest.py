# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the bundle's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bundle_world import Filling, Key, Publisher, have


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    if not have("gpg", "gpgv"):
        pytest.skip("needs gpg and gpgv")
    # Not below pytest's own long path: gpg's agent needs a short one for its socket.
    return Key(tmp_path_factory.mktemp("k") / "h")


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    serving = Publisher()
    yield serving
    serving.close()


@pytest.fixture
def filling(tmp_path: Path) -> Filling:
    return Filling(tmp_path)
