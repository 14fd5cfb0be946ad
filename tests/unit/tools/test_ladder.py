# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test ladder's own tools: steps and their summary with what was skipped, and whether a bundle is filled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_servers.programs import ROOT
from stand_ins import Programs


@pytest.fixture
def tally(tmp_path: Path) -> dict[str, str]:
    """The environment of steps that keep a tally of their own; a pytest in one is nobody's worker."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    return {**inherited, "STEPS": str(tmp_path / "steps.tsv"), "ANSIBLE_FORCE_COLOR": "0"}


def step(tally: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run tools/step."""
    command = [ROOT / "tools" / "step", *words]
    return subprocess.run(command, env=tally, capture_output=True, text=True, check=False)


def test_the_summary_ends_with_what_was_skipped(tally: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_x.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_a(n): pytest.skip('needs Go')\n"
        "@pytest.mark.skipif(True, reason='needs root')\n"
        "def test_b(): pass\n"
        "@pytest.mark.xfail\n"
        "def test_c(): assert False\n"
    )
    (tmp_path / "test_y.py").write_text("import pytest\npytest.importorskip('no_such_package')\n")
    tests = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), "-c", os.devnull, str(tmp_path)]
    done = step(tally, "unit", *tests)
    assert done.returncode == 0, done.stdout
    assert (
        step(tally, "--skip", "kubernetes", "its bundle is not filled").stdout
        == "kubernetes: its bundle is not filled\n"
    )
    shown = step(tally, "--summary")
    assert shown.returncode == 0
    _steps, skipped = shown.stdout.split("\nskipped\n")
    assert skipped.splitlines() == [
        "  kubernetes: its bundle is not filled",
        "  unit: could not import 'no_such_package': No module named 'no_such_package'",
        "  unit: needs Go (2 times)",
        "  unit: needs root",
    ]
    assert "skipped" not in step(tally, "--summary").stdout


def test_a_step_that_fails_fails_the_summary(tally: dict[str, str]) -> None:
    assert step(tally, "good", "true").returncode == 0
    assert step(tally, "bad", "sh", "-c", "exit 3").returncode == 3
    shown = step(tally, "--summary")
    assert shown.returncode == 1
    assert [line.split()[-1] for line in shown.stdout.splitlines()[2:4]] == ["ok", "failed"]


def test_a_ladder_of_skipped_rungs_alone_is_none_that_failed(tally: dict[str, str]) -> None:
    step(tally, "--skip", "kubernetes", "its bundle is not filled")
    assert step(tally, "--summary").returncode == 0


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ('echo \'{"plays": [{"tasks": [{"hosts": {"localhost": {"would_fill": []}}}]}]}\'', 0, ""),
        (
            'echo \'{"plays": [{"tasks": [{"hosts": {"localhost": {"would_fill": ["etcd 3", "runc"]}}}]}]}\'',
            3,
            "2 artifacts are missing from the bundle, etcd 3 among them: make bundle ENGINE=toy\n",
        ),
        ("exit 4", 1, ""),
    ],
)
def test_whether_a_bundle_is_filled(answer: str, code: int, said: str, programs: Programs) -> None:
    programs.replace("ansible-playbook")
    programs.answer("ansible-playbook keelson.cluster.bundle", answer)
    done = subprocess.run([ROOT / "tools" / "bundle-has", "toy"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, said)
    assert programs.calls()[0].endswith("--check -e cluster_engine=toy")


def test_the_demo_ends_with_how_to_use_its_cluster() -> None:
    """The playbooks themselves tell of the API and of its report."""
    command = ["make", "-n", "demo", "DEMO=ks-two", "BLOCK=10.9.0.0/21", "ENGINE=toy"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "tools/hosts ssh --name ks-two m1" in shown and "VARS=web=3 ENGINE=toy" in shown


def test_the_ladder_has_the_engine_s_rung_and_a_bare_machine_runs_its_first_ones() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (rungs,) = re.findall(r"^KEELSON_RUNGS \?= (.*)$", makefile, re.MULTILINE)
    assert "kubernetes" in rungs.split()
    assert [rung for rung in (*rungs.split(), "bare") if not re.search(rf"^test-{rung}:", makefile, re.MULTILINE)] == []
    bare = (ROOT / "tools" / "bare").read_text()
    assert "rungs=${*:-unit static docs gate}" in bare and 'debian-image" bare bookworm git make python3)' in bare
    kubernetes = makefile.partition("\ntest-kubernetes:")[2].partition("\n\n")[0]
    assert (
        "test-molecule test-drills ENGINE=kubernetes" in kubernetes
        and 'tools/step --skip kubernetes "$$missing"' in kubernetes
    )
