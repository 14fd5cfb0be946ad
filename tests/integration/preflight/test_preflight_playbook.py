# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preflight playbook as its users meet it, against this machine and addresses where nobody answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
DEAD = {"ansible_host": "127.0.0.1", "ansible_port": 1, "cluster_address": "10.0.0.7", "cluster_part": "manager"}
HERE = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "cluster_address": "10.0.0.8",
    "cluster_part": "manager",
}


def inventory(*clusters: str, engine: str = "nomad", **changes: Any) -> dict[str, Any]:
    """Clusters with a dead first manager and this machine as second."""
    groups = {}
    for name in clusters:
        hosts = {f"{name}-dead": DEAD, f"{name}-here": {**HERE, **changes}}
        groups[name] = {
            "vars": {"cluster_name": name, "cluster_engine": engine, "cluster_networks": {"all": "10.0.0.0/24"}},
            "children": {f"{name}_managers": {"hosts": hosts}},
        }
    return {"clusters": {"children": groups}}


def preflight(folder: Path, known: dict[str, Any], *arguments: str) -> tuple[int, str]:
    """Run the playbook without root rights; return its exit code and everything it printed."""
    (folder / "inventory.yml").write_text(json.dumps(known))
    command = ["ansible-playbook", "-i", str(folder / "inventory.yml"), "keelson.cluster.preflight"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(
        [*command, "-e", "cluster_become=false", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_one_table_of_all_faults_with_the_first_host_dead(tmp_path: Path) -> None:
    code, out = preflight(tmp_path, inventory("product", cluster_lables={}))
    assert code != 0
    assert out.count("LEVEL    HOST") == 1
    for words in (
        "2 cluster managers survive",
        "leave it out with --limit '!product-dead'",
        "cluster_address 10.0.0.8 is not an address",
        "unknown variable cluster_lables",
        "nothing was changed",
    ):
        assert all(word in out for word in words.split()), (words, out)


def test_check_mode_and_limit(tmp_path: Path) -> None:
    code, out = preflight(tmp_path, inventory("product"), "--check", "--limit", "product-here")
    assert code != 0 and "10.0.0.8 is not an address" in out
    assert "did not answer" not in out


def test_ignored_faults_only_warn(tmp_path: Path) -> None:
    kinds = ["managers", "address", "root", "feature", "system", "memory", "disk", "unreachable"]
    code, out = preflight(tmp_path, inventory("product"), "-e", json.dumps({"preflight_ignore": kinds}))
    assert code == 0, out
    assert "warning  product-dead" in out


@pytest.mark.parametrize(
    ("clusters", "arguments", "message"),
    [
        (("a", "b"), (), "the inventory has the clusters a, b; choose one with -e cluster=NAME"),
        (("a",), ("-e", "cluster=prodct"), "the inventory has no hosts in a cluster 'prodct'; it has a"),
        ((), (), "the inventory has no hosts in a cluster 'clusters'; it has none"),
    ],
)
def test_a_run_that_is_not_about_one_cluster(
    tmp_path: Path, clusters: tuple[str, ...], arguments: tuple[str, ...], message: str
) -> None:
    code, out = preflight(tmp_path, inventory(*clusters), *arguments)
    assert code != 0 and message in out, out


def test_one_of_two_clusters(tmp_path: Path) -> None:
    code, out = preflight(tmp_path, inventory("a", "b"), "-e", "cluster=b", "--limit", "b-here")
    assert code != 0 and "in cluster b" in out
    assert "a-here" not in out


def test_a_wrong_engine(tmp_path: Path) -> None:
    code, out = preflight(tmp_path, inventory("a", engine="nomda"), "--limit", "a-here")
    assert code != 0 and "this collection has no such engine" in out, out
