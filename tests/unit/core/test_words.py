# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and prose use the field's terms: words that an outside engineer would not search for do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = (
    "plugins",
    "roles",
    "playbooks",
    "docs",
    "examples",
    "molecule",
    "extensions",
    "packer",
    "changelogs",
    "tools",
)
JARGON = re.compile(
    r"\b(strangers?|knock(s|ed|ing)?|desks?|lanes?|wish(es)?|victims?|newcomers?|cure[sd]?|mend(s|ed)?|demands?|abilities|trials?)\b"
    # What is another word in another place: variables and functions of these names.
    r"|\b(said|seat|walls|travels|wanted) ?[=(]|\bdef (turn|introduce)\b",
    re.IGNORECASE,
)
SUFFIXES = (".py", ".yml", ".yaml", ".md", ".j2", ".hcl", ".sh", ".json", "")


def jargon(text: str) -> list[str]:
    """The words of a text that say nothing to others."""
    return sorted({found[0].strip().lower() for found in JARGON.finditer(text)})


def test_no_jargon() -> None:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files = [path for path in [*paths, *ROOT.glob("*.md")] if path.is_file() and ".terraform" not in path.parts]
    found = {
        str(path.relative_to(ROOT)): jargon(f"{path.stem.replace('_', ' ')}\n{path.read_text()}") for path in files
    }
    assert len(found) > 600 and {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "line", ["said = run()", "# Knock at every host", "def turn(self):", "  stranger_checks: Demands"]
)
def test_jargon_is_found(line: str) -> None:
    assert jargon(line.replace("_", " "))
