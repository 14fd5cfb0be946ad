# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the programs that the tools call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

STAND_IN = """#!/bin/sh
echo "${0##*/} $*" >> "$CALLS"
for answer in "$ANSWERS"/*; do
  [ -e "$answer" ] || continue
  case "${0##*/} $*" in "${answer##*/}"*) . "$answer" ;; esac
done
exit 0
"""


class Programs:
    """Stand-ins on PATH: each writes down how it was called and runs the shell lines given for calls that begin so."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start with no program; what is not replaced is the machine's own."""
        self.bin, self.answers, self.log = folder / "bin", folder / "answers", folder / "calls"
        self.bin.mkdir()
        self.answers.mkdir()
        monkeypatch.setenv("CALLS", str(self.log))
        monkeypatch.setenv("ANSWERS", str(self.answers))
        monkeypatch.setenv("PATH", f"{self.bin}:{os.environ['PATH']}")

    def replace(self, *names: str) -> None:
        """Put stand-ins in the place of these programs."""
        for name in names:
            (self.bin / name).write_text(STAND_IN)
            (self.bin / name).chmod(0o755)

    def answer(self, call: str, lines: str) -> None:
        """Calls that begin with these words run these shell lines."""
        (self.answers / call).write_text(lines)

    def calls(self, start: str = "") -> list[str]:
        """How the stand-ins were called, in their order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(start)]
