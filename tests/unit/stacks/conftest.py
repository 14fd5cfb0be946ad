# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the stacks tests."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from stacks_world import World  # noqa: E402


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    """A folder with the three real states and a stacks file."""
    return World(tmp_path)
