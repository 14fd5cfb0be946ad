# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is written whole or not at all, and nobody else can read it before it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.host import atomic


def test_it_has_its_mode_owner_and_times(tmp_path: Path) -> None:
    path = tmp_path / "x"
    atomic.write(str(path), "text", 0o640, (os.getuid(), os.getgid()), (1_000, 2_000))
    status = path.stat()
    assert path.read_text() == "text" and status.st_mode & 0o7777 == 0o640 and status.st_mtime_ns == 2_000
    atomic.write(str(path), b"bytes")
    assert path.read_bytes() == b"bytes" and path.stat().st_mode & 0o7777 == 0o600
    before = os.umask(0o027)
    try:
        atomic.write(str(path), "", None)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o640
    assert os.listdir(tmp_path) == ["x"]


def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def full(descriptor: int) -> None:
        assert os.fstat(descriptor).st_mode & 0o077 == 0 or os.listdir(tmp_path) == [".x.partial", "x"]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(str(path), "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x"]
