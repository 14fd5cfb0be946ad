# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where all tests find the collection, under the name Ansible gives it, and the `lab` of the drills and benches."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# What the helpers of the drills assert is told as what a test asserts.
pytest.register_assert_rewrite("lab")

COLLECTIONS = Path(__file__).parents[1] / ".ansible" / "collections"

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))
