# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of security controls is made of the data by which hosts are looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = "docs/reference/security-controls.md"


def test_the_page_is_what_hosts_are_looked_at_for() -> None:
    table = subprocess.run(
        [sys.executable, str(ROOT / "tools/control-table")], capture_output=True, text=True, check=True
    ).stdout
    assert (ROOT / PAGE).read_text() == table, f"tools/control-table > {PAGE}"
