# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job and an inventory update in a container as AWX starts it: read-only, any user, no HOME, no terminal, few processes.

The image is a stand-in of an execution environment: the test hosts' Debian with its own Python, the packages of the tools'
environment, and the collection where execution environments have it.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab.runs import ROOT
from lab.servers import Lab

PROGRAM = '#!/bin/sh\nexec /usr/bin/python3 -m ansible {} "$@"\n'
AWX = {
    "HOME": "",
    "PATH": "/opt/bin:/usr/bin:/bin",
    "PYTHONPATH": "/opt/site",
    "ANSIBLE_HOME": "/tmp/.ansible",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_UNSAFE_WRITES": "1",
}


@pytest.fixture(name="private")
def _private(lab: Lab, tmp_path: Path) -> Path:
    """The folder of a job: inventory/ env/ project/ artifacts/, which a container's user may write, and programs beside it."""
    folder = tmp_path / "runner"
    for name in ("inventory", "env", "project", "artifacts", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "project/run.yml").write_text((ROOT / "examples/awx/project/run.yml").read_text())
    cluster = {"engine": lab.engine, "managers": {"hosts": [{"name": "m1", "address": "10.0.0.1"}]}}
    outputs = {"clusters": {"value": {"product": cluster}, "type": "dynamic"}}
    state = {"version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": "x", "outputs": outputs}
    (folder / "project/terraform.tfstate").write_text(json.dumps({**state, "resources": []}))
    source = {"plugin": "keelson.cluster.stacks", "stacks": {"all": {"state": "terraform.tfstate"}}}
    (folder / "project/product.stacks.yml").write_text(yaml.safe_dump(source))
    answers = {"keelson_playbook": "cluster_lease", "cluster": "product", "cluster_become": "false"}
    (folder / "env/extravars").write_text(yaml.safe_dump({**answers, "cluster_lease_wait": "5"}))
    variables = {"cluster_name": "product", "cluster_part": "manager", "ansible_connection": "local"}
    groups: dict[str, Any] = {"product": {"hosts": ["m1"]}, "clusters": {"children": ["product"]}}
    hosts = {**groups, "_meta": {"hostvars": {"m1": variables}}}
    (folder / "inventory/hosts").write_text(f"#!/usr/bin/python3\nprint({json.dumps(hosts)!r})\n")
    for name in ("playbook", "inventory"):
        (folder / f"bin/ansible-{name}").write_text(PROGRAM.format(name))
    for path in (*folder.rglob("*"), *[p for p in folder.parents if p.is_relative_to(tmp_path)], folder):
        path.chmod(0o777 if path.is_dir() or path.parent.name in ("bin", "inventory") else 0o644)
    return folder


def container(lab: Lab, private: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the execution environment as a user without a name."""
    shown = ["podman", "inspect", "--format", "{{.ImageName}}", f"{lab.name}-{lab.managers[0].name}"]
    image = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip()
    mounts = {
        sysconfig.get_path("purelib"): "/opt/site:ro",
        str(private / "bin"): "/opt/bin:ro",
        str(ROOT): "/usr/share/ansible/collections/ansible_collections/keelson/cluster:ro",
        str(private): "/runner",
        str(private / "project"): "/runner/project:ro",
    }
    options = ["--rm", "--read-only", "--network", "none", "--user", "12345:0", "--pids-limit", "200"]
    options += ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=32768:32768", "--tmpfs", "/tmp:mode=1777"]
    options += [part for source, target in mounts.items() for part in ("-v", f"{Path(source).resolve()}:{target}")]
    options += [part for name, value in AWX.items() for part in ("-e", f"{name}={value}")]
    start = ["podman", "--runtime", "runc", "run", *options, "-w", "/runner/project", "--entrypoint", command[0]]
    return subprocess.run([*start, image, *command[1:]], capture_output=True, text=True, check=False, timeout=600)


def test_a_job(lab: Lab, private: Path) -> None:
    run = ["-m", "ansible_runner", "run", "/runner", "-p", "run.yml", "--ident", "1", "--cmdline", "--check --forks=2"]
    done = container(lab, private, "/usr/bin/python3", *run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((private / "artifacts/1/job_events").glob("*.json")), "what AWX shows comes from here"
    assert (private / "artifacts/1").stat().st_uid == 12345
    assert sorted(path.name for path in (private / "project").iterdir()) == [
        "product.stacks.yml",
        "run.yml",
        "terraform.tfstate",
    ]


def test_an_inventory_update(lab: Lab, private: Path) -> None:
    listed = [
        "--list",
        "--export",
        "-i",
        "/runner/project/product.stacks.yml",
        "--output",
        "/runner/artifacts/output.json",
    ]
    done = container(lab, private, "/opt/bin/ansible-inventory", *listed, "--playbook-dir", "/runner/project")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "m1" in json.loads((private / "artifacts/output.json").read_text())["product_managers"]["hosts"]
