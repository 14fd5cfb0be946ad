# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version, changelog and documentation agree; what is not released is not called released."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_a_version_with_unreleased_changes_is_not_in_the_changelog() -> None:
    released = yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text())["releases"]
    assert all(number(version) <= number(VERSION) for version in released)
    if list((ROOT / "changelogs/fragments").glob("*.yml")):
        assert VERSION not in released


def test_nothing_was_added_in_a_version_of_the_future() -> None:
    for folder in ("plugins", "roles"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".yml"):
                for version in re.findall(r"version_added: \"?([0-9.]+)", path.read_text()):
                    assert number(version) <= number(VERSION), path
