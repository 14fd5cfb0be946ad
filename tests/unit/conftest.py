# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the receipts, so that no test writes to this machine's."""
    module = importlib.import_module("ansible_collections.keelson.cluster.plugins.module_utils.host.receipts")
    folder = tmp_path.parent / f"{tmp_path.name}-receipts" / "receipts"
    monkeypatch.setattr(module, "FOLDER", str(folder))
    return folder
