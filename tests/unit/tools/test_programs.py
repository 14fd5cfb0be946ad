# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools/programs.toml says is what the code calls: no program without a package, no rung without its packages."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomllib
from local_servers.programs import ROOT
from programs_named import in_file, in_makefile, in_python, in_shell

TABLE: dict[str, Any] = tomllib.loads((ROOT / "tools" / "programs.toml").read_text(encoding="utf-8"))
RUNGS: dict[str, dict[str, list[str]]] = TABLE["rungs"]
PACKAGES: dict[str, str] = TABLE["packages"]
KNOWN = {*TABLE["base"], *TABLE["venv"], *TABLE["optional"], *TABLE["servers"], *PACKAGES}
# What a bare machine has to begin with.
BARE = {"git", "make", "python3"}
# Words that begin the arguments of a program which is named elsewhere, or of a function of the tests.
ARGUMENTS = {"apply", "certs", "config", "discovery", "fmt", "init", "join", "reset", "restore", "rotate", "timed"}
ARGUMENTS |= {"drain", "upgrade", "validate", "verify", "w1"}
MODULES = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} | {"config_files"}


@pytest.fixture(scope="module")
def named() -> dict[str, set[str]]:
    """Each file of the repository, and the programs that it calls."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    files = [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    return {str(path.relative_to(ROOT)): in_file(path, KNOWN) - ARGUMENTS - MODULES for path in files}


def missing(rungs: Mapping[str, Mapping[str, list[str]]], rung: str, named: Mapping[str, set[str]]) -> dict[str, str]:
    """The programs that the rung's code calls and whose packages it does not declare, with a file that calls each."""
    declared = BARE | set(_declared(rungs, rung))
    calls = {
        program: file
        for file, programs in named.items()
        for program in programs - set(rungs[rung].get("replaced", []))
        if any(f"{file}/".startswith(f"{code}/") for code in rungs[rung].get("code", []))
    }
    return {program: file for program, file in calls.items() if PACKAGES.get(program, "git") not in declared}


def _declared(rungs: Mapping[str, Mapping[str, list[str]]], rung: str) -> list[str]:
    also = rungs[rung].get("also", [])
    return [*rungs[rung]["packages"], *(package for other in also for package in _declared(rungs, other))]


def test_each_program_that_is_named_has_a_place_in_the_table(named: dict[str, set[str]]) -> None:
    unknown = {program: file for file, programs in named.items() for program in programs - KNOWN}
    assert not unknown, "say in tools/programs.toml what brings them"


@pytest.mark.parametrize("rung", RUNGS)
def test_each_rung_has_the_packages_of_the_programs_that_its_code_calls(rung: str, named: dict[str, set[str]]) -> None:
    assert not missing(RUNGS, rung, named), f"add their packages to [rungs.{rung}] of tools/programs.toml"


@pytest.mark.parametrize("rung", RUNGS)
def test_the_makefile_installs_what_a_rung_declares(rung: str) -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"\t$(call need,{rung})\n" in text


def test_a_package_that_goes_is_missed(named: dict[str, set[str]]) -> None:
    without = {**RUNGS, "unit": {**RUNGS["unit"], "packages": ["e2fsprogs"]}}
    assert missing(without, "unit", named)["sfdisk"].startswith(("plugins/", "tests/unit/"))
    without = {**RUNGS, "servers": {**RUNGS["servers"], "packages": ["podman"]}}
    assert missing(without, "gate", named) == {"catatonit": "tools/gate", "runc": "tools/gate"}


def test_the_tool_prints_the_packages_of_a_rung_and_of_what_it_begins_with() -> None:
    shown = subprocess.run([ROOT / "tools" / "rung-packages", "gate"], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == sorted(set(_declared(RUNGS, "gate")))


@pytest.mark.parametrize(
    "code",
    [
        'subprocess.run(["newprogram", x])',
        'subprocess.Popen(("/usr/sbin/newprogram", "-x"))',
        'module.run_command("newprogram -x")',
        'shutil.which("newprogram")',
        'command = ["newprogram", "--all", path]',
        'def f():\n    return ["newprogram", *x, "-v"]',
        "podman = 1; run(*['newprogram'])",
    ],
)
def test_programs_of_python(code: str) -> None:
    assert in_python(code) == {"newprogram"}


def test_what_is_no_program_of_python() -> None:
    assert in_python('x = ["a", "b"]; y = f("word"); z = {"run": ["-a"]}; print("curl -x")') == set()


def test_programs_of_podman_come_by_its_options() -> None:
    assert in_python('["podman", "run", "--init", "x"]') == {"podman", "catatonit"}
    assert in_shell("podman --runtime runc run \\\n --init x") == {"podman", "runc", "catatonit"}


@pytest.mark.parametrize(
    ("code", "programs"),
    [
        ("a=$(curl -x | jq .)\n", {"curl", "jq"}),
        ('if ! rsync a b; then echo "no $(hostnamectl status)"; fi', {"rsync", "hostnamectl"}),
        ("exec env A=1 B=2 socat - x", {"socat"}),
        ("# curl\necho 'curl x' \"jq\"  # jq", set()),
        ("f() {\n  g x\n}\nf | h", {"g", "h"}),
        ("case $x in\n  up) curl x ;;\n  *) true ;;\nesac", {"curl"}),
        ("cat <<END\ncurl is not called\nEND\njq", {"cat", "jq"}),
        ("for x in a b; do\n  curl $x || exit\ndone", {"curl"}),
        ("words+=(one two); tools/step x", set()),
    ],
)
def test_programs_of_a_shell_script(code: str, programs: set[str]) -> None:
    assert in_shell(code) == programs


def test_programs_of_a_makefile() -> None:
    text = 'a: b\n\t@tools/step "x y" curl $(dir $(x)) && $(MAKE) -s c\n\t@x=$$(jq .)\nX := rsync y\n'
    assert in_makefile(text) == {"curl", "jq"}


def test_a_file_that_is_no_code_calls_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("#!/bin/sh\ncurl")
    (tmp_path / "y").write_text("curl")
    (tmp_path / "z").write_text("#!/bin/sh\ncurl")
    assert [in_file(tmp_path / name) for name in ("x.md", "y", "z")] == [set(), set(), {"curl"}]
