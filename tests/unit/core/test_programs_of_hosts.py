# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cluster programs get no proxy from the host's environment, whichever module runs them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.host import programs
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import control, etcd, kubeadm, manifests

ROOT = Path(__file__).parents[3]
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "No_Proxy")


@pytest.fixture
def printing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that writes its environment to a file beside it, on a host that has proxies."""
    for name in PROXIES:
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    monkeypatch.setenv("KEPT", "as it was")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\nenv > {tmp_path}/environment\n")
    program.chmod(0o755)
    return program


def seen(program: Path) -> dict[str, str]:
    """The environment that the program got."""
    lines = program.with_name("environment").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kubeadm.run(["reset"]),
        lambda: manifests.apply("{}"),
        lambda: manifests.diff("{}"),
        lambda: etcd.ask("member", "list"),
        lambda: control.stop("etcd"),
    ],
)
def test_a_cluster_program_gets_no_proxy(
    call: Callable[[], object], printing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeadm, "PROGRAM", str(printing))
    monkeypatch.setattr(manifests, "PROGRAM", str(printing))
    monkeypatch.setattr(control, "CRICTL", str(printing))
    monkeypatch.setattr(etcd, "COMMAND", (str(printing),))
    call()
    found = seen(printing)
    assert not set(PROXIES) & found.keys() and found["KEPT"] == "as it was"


def test_programs_of_checks_and_packages_get_no_proxy(printing: Path) -> None:
    assert programs.answer([str(printing)], environ_update={"LC_ALL": "C.UTF-8"}) == (0, "", "")
    found = seen(printing)
    assert not set(PROXIES) & found.keys() and found["LC_ALL"] == "C.UTF-8"
    code, _out, error = programs.answer([f"{printing}-missing"])
    assert code == 127 and "No such file or directory" in error


def direct(text: str) -> list[int]:
    """The lines that start a program with the environment of the host."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
    return [
        node.lineno
        for node in calls
        if isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in (("subprocess", "run"), ("subprocess", "Popen"))
    ]


def test_components_start_programs_in_one_way() -> None:
    folders = [ROOT / "plugins/module_utils" / name for name in ("kubernetes", "nomad")]
    files = [path for folder in folders for path in folder.glob("*.py")]
    assert len(files) > 30
    assert {path.name: direct(path.read_text()) for path in files if direct(path.read_text())} == {}
    assert direct("import subprocess\nsubprocess.run(['kubeadm'])\n") == [2]
