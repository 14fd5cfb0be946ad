# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make release`: what it refuses, what it writes, and that a check that fails leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_servers.programs import ROOT
from stand_ins import Programs

CHANGELOG = """rm changelogs/fragments/*.yml; grep ^version galaxy.yml > CHANGELOG.md
sed -n 's/^version: \\(.*\\)/releases: {\\1: {}}/p' galaxy.yml > changelogs/changelog.yaml; exit 0"""


def git(repository: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, programs: Programs) -> Path:
    """A repository with one release and a change since; make is a stand-in that writes the changelog."""
    programs.replace("make")
    programs.answer("make -s changelog", CHANGELOG)
    root = tmp_path / "repository"
    (root / "changelogs/fragments").mkdir(parents=True)
    (root / "tools").mkdir()
    shutil.copy(ROOT / "tools/release", root / "tools")
    (root / "galaxy.yml").write_text("name: cluster\nversion: 0.9.0\n")
    (root / "CHANGELOG.md").write_text("version: 0.9.0\n")
    (root / "changelogs/changelog.yaml").write_text("releases: {0.9.0: {}, 0.10.0: {}}\n")
    (root / "changelogs/fragments/x.yml").write_text("---\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "begin")
    return root


def release(repository: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "tools/release", version]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("", "say which version"),
        ("1.2", "say which version"),
        ("1.2.3-rc1", "say which version"),
        ("01.2.3", "say which version"),
        ("0.10.0", "0.10.0 is released; choose a newer version"),
        ("0.9.1", "0.10.0 is released; choose a newer version"),
    ],
)
def test_a_version_that_cannot_be_is_refused(repository: Path, programs: Programs, version: str, said: str) -> None:
    done = release(repository, version)
    assert done.returncode == 1 and said in done.stderr
    assert programs.calls("make") == [] and git(repository, "status", "--porcelain") == ""


def test_a_changed_tree_is_refused(repository: Path, programs: Programs) -> None:
    (repository / "new").touch()
    assert "commit your changes first" in release(repository, "1.0.0").stderr
    assert programs.calls("make") == []


def test_a_release_without_a_change_is_refused(repository: Path) -> None:
    git(repository, "rm", "-q", "changelogs/fragments/x.yml")
    git(repository, "commit", "-qm", "nothing new")
    assert "changelogs/fragments is empty" in release(repository, "1.0.0").stderr


def test_version_and_changelog_are_written_and_the_rest_is_told(repository: Path, programs: Programs) -> None:
    done = release(repository, "0.11.0")
    assert done.returncode == 0, done.stderr
    assert programs.calls("make") == ["make -s test-static", "make -s changelog", "make -s docs", "make -s test-docs"]
    assert (repository / "CHANGELOG.md").read_text() == "version: 0.11.0\n"
    assert "git tag 0.11.0" in done.stdout and "publish build/keelson-cluster-0.11.0.tar.gz" in done.stdout


def test_a_changelog_without_the_version_is_no_release(repository: Path, programs: Programs) -> None:
    programs.answer("make -s changelog", "rm changelogs/fragments/*.yml; exit 0")
    assert "wrote no 1.0.0 into changelogs/changelog.yaml; nothing was changed" in release(repository, "1.0.0").stderr
    assert git(repository, "status", "--porcelain") == "" and not programs.calls("make -s docs")


@pytest.mark.parametrize("target", ["test-static", "changelog", "docs", "test-docs"])
def test_a_check_that_fails_leaves_nothing_behind(repository: Path, programs: Programs, target: str) -> None:
    programs.answer(f"make -s {target}", "rm -f CHANGELOG.md; exit 2" if target != "test-static" else "exit 2")
    done = release(repository, "1.0.0")
    assert done.returncode == 1 and f"'make -s {target}' failed; nothing was changed" in done.stderr
    assert git(repository, "status", "--porcelain") == ""
