# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we build of a Go module is what its publisher builds: with the publisher's replaced modules."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.sources.module import needed, toolchain
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import Store, default_root

GO_MODULES = Path(__file__).parents[3] / "artifacts" / "go"
WRAPPERS = sorted(path.parent for path in GO_MODULES.rglob("go.mod") if "require" in path.read_text())


def go(*arguments: str, folder: Path = Path("/")) -> Any:
    """What Go prints, as data."""
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    program = toolchain((1, 24))[0]
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lacking(wrapper: dict[str, Any], publisher: dict[str, Any], version: str) -> Iterator[str]:
    """The publisher's replaced modules that a wrapper builds otherwise.

    A folder of the publisher's repository is the module of the same version, or replaced by one.
    """
    own = {entry["Old"]["Path"]: entry["New"] for entry in wrapper.get("Replace") or []}
    required = {entry["Path"]: entry["Version"] for entry in wrapper["Require"]}
    for entry in publisher.get("Replace") or []:
        path, new = entry["Old"]["Path"], entry["New"]
        if new["Path"].startswith("."):
            if path in required and path not in own and required[path] != version:
                yield f"{path} {required[path]} instead of {new['Path']} beside {version}"
        elif own.get(path) != new:
            yield f"{path} => {new['Path']} {new.get('Version', '')}"


@pytest.mark.parametrize("folder", WRAPPERS, ids=lambda folder: str(folder.relative_to(GO_MODULES)))
def test_a_wrapper_replaces_what_its_publisher_replaces(folder: Path) -> None:
    wrapper = go("mod", "edit", "-json", str(folder / "go.mod"))
    assert numbers_of(folder)  # else the parametrization found something else
    for module in [entry for entry in wrapper["Require"] if not entry.get("Indirect")]:
        file = go("list", "-m", "-json", f"{module['Path']}@{module['Version']}")["GoMod"]
        assert not list(lacking(wrapper, go("mod", "edit", "-json", file), module["Version"]))


def numbers_of(folder: Path) -> tuple[int, ...]:
    """The Go version a wrapper needs."""
    return needed((folder / "go.mod").read_text())


def test_a_missing_and_another_replacement_are_found() -> None:
    new = {"Path": "example.com/fork", "Version": "v1"}
    publisher = {"Replace": [{"Old": {"Path": "a"}, "New": new}, {"Old": {"Path": "b"}, "New": {"Path": "./b"}}]}
    assert list(lacking({"Require": []}, publisher, "v2")) == ["a => example.com/fork v1"]
    wrapper = {"Replace": publisher["Replace"][:1], "Require": [{"Path": "b", "Version": "v1"}]}
    assert list(lacking(wrapper, publisher, "v2")) == ["b v1 instead of ./b beside v2"]
    assert not list(lacking(wrapper, publisher, "v1"))


def test_the_built_program_has_them(tmp_path: Path) -> None:
    """`go version -m` tells of which modules a program was made."""
    store = Store(default_root())
    entry = store.index()["artifacts"].get("nomad", {}).get("1.11.3", {}).get("amd64")
    if entry is None or entry["source"]["kind"] != "module" or not store.complete(entry):
        pytest.skip("the bundle has no Nomad that was built from its module: make bundle")
    program = tmp_path / "nomad"
    program.symlink_to(store.blob(entry["files"][0]["digest"]))
    told = subprocess.run(["go", "version", "-m", str(program)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"=>\s+github.com/hashicorp/hcl\s+v1.0.1-nomad-1", told)
