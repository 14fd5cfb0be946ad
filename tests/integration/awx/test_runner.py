# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and inventory updates as AWX runs them: ansible-runner, a private data folder, a read-only project, no HOME, no terminal.

The folder is laid out as AWX does (inventory/ env/ project/ artifacts/); a container is not made, its conditions are.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign

ROOT = Path(__file__).parents[3]
ansible_runner = pytest.importorskip("ansible_runner")
COLLECTIONS = str(ROOT / ".ansible/collections")
#: What AWX sets for every job, and what the execution environment must bring: a home that can be written.
AWX = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "ANSIBLE_UNSAFE_WRITES": "1",
}


def private(tmp_path: Path, variables: dict[str, Any], hosts: dict[str, Any]) -> Path:
    """The folder of a job."""
    folder = tmp_path / "private"
    for name in ("inventory", "env", "project", "artifacts", "cp"):
        (folder / name).mkdir(parents=True)
    (folder / "project/run.yml").write_text((ROOT / "examples/awx/project/run.yml").read_text())
    (folder / "env/extravars").write_text(yaml.safe_dump(variables))
    script = folder / "inventory/hosts"
    groups = {"product": {"hosts": list(hosts)}, "clusters": {"children": ["product"]}, "_meta": {"hostvars": hosts}}
    script.write_text(f"#!{sys.executable}\nprint({json.dumps(groups)!r})\n")
    script.chmod(0o700)
    return folder


def launch(
    folder: Path, tmp_path: Path, *arguments: str, ident: str = "1", **environment: str
) -> subprocess.Popen[bytes]:
    """Start a job: a session of its own without a terminal, HOME empty, the project read-only."""
    (folder / "project").chmod(0o555)
    # A job in a container starts with nothing of its surroundings.
    given = {
        "PATH": os.environ["PATH"],
        "HOME": "",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
    }
    command = [
        sys.executable,
        "-m",
        "ansible_runner",
        "run",
        str(folder),
        "-p",
        "run.yml",
        "--ident",
        ident,
        *arguments,
    ]
    return subprocess.Popen(
        command,
        env={**given, **AWX, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def test_answers_of_a_survey_have_their_types_and_results_leave_the_folder(tmp_path: Path) -> None:
    hosts = {
        "m1": {
            "cluster_name": "product",
            "cluster_part": "manager",
            "ansible_connection": "local",
            "cluster_environment": "prod",
        }
    }
    variables = {
        "keelson_playbook": "cluster_lease",
        "cluster": "product",
        "cluster_become": "false",
        "cluster_lease_wait": "5",
        "override_freeze": "",
        "awx_job_id": 7,
        "awx_user_name": "anna",
    }
    folder = private(tmp_path, variables, hosts)
    job = launch(folder, tmp_path, "--cmdline", "--check --forks=2")
    text = job.communicate(timeout=300)[0].decode()
    assert job.returncode == 0, text
    events = list((folder / "artifacts/1/job_events").glob("*.json"))
    assert events, "what AWX shows comes from here"


def kill_when(marker: Path, job: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """End a job as a container is stopped: no handler of anything runs."""
    end = time.monotonic() + 240
    while not marker.exists() and time.monotonic() < end:
        time.sleep(0.2)
    assert marker.exists()
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(tmp_path).encode() in process.read_bytes():
                os.kill(int(process.parent.name), signal.SIGKILL)


def test_what_a_killed_stage_left_is_removed_by_a_reaper_that_may_be_killed_too(tmp_path: Path) -> None:
    server, reaping, results = tmp_path / "server", tmp_path / "reaping", tmp_path / "results"
    touch: Any = {"state": "touch", "mode": "0600"}
    made = [{"ansible.builtin.file": {"path": str(server), **touch}}, {"ansible.builtin.pause": {"seconds": 120}}]
    removed = [
        {"ansible.builtin.stat": {"path": str(reaping)}, "register": "found"},
        {"ansible.builtin.file": {"path": str(reaping), **touch}},
        {"ansible.builtin.pause": {"seconds": 120}, "when": "not found.stat.exists"},
        {"ansible.builtin.file": {"path": str(server), "state": "absent"}},
    ]
    for name, tasks in {"make": made, "remove": removed}.items():
        (tmp_path / f"{name}.yml").write_text(
            json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}])
        )
    stage = {"playbooks": [str(tmp_path / "make.yml")], "cleanup": [str(tmp_path / "remove.yml")], "expires_hours": 6}
    content = {"name": "own", "results": str(results), "stages": {"only": stage}}
    (tmp_path / "pipeline.yml").write_text(yaml.safe_dump(content))
    given = {"pipeline": str(tmp_path / "pipeline.yml"), "pipeline_key": str(tmp_path / "key.pem")}
    folder = private(tmp_path, {"keelson_playbook": "pipeline", **given, "pipeline_stage": "only"}, {})
    kill_when(server, launch(folder, tmp_path), tmp_path)

    (folder / "env/extravars").write_text(
        yaml.safe_dump({"keelson_playbook": "pipeline", **given, "pipeline_reap": "true"})
    )
    early = launch(folder, tmp_path, ident="2")
    assert early.wait(300) == 0 and server.exists(), "a stage may run for so long"
    index = json.loads((results / "index.json").read_text())
    index["entries"][0]["at"] = "2026-01-01T00:00:00+00:00"
    (results / "index.json").write_text(json.dumps(sign.sealed(index, sign.load_key(tmp_path / "key.pem"))))
    kill_when(reaping, launch(folder, tmp_path, ident="3"), tmp_path)
    assert server.exists()
    again = launch(folder, tmp_path, ident="4")
    text = again.communicate(timeout=300)[0].decode()
    assert again.returncode == 0 and not server.exists(), text
    kinds = [entry["kind"] for entry in json.loads((results / "index.json").read_text())["entries"]]
    assert kinds == ["begun", "reaped"]


def test_a_stage_that_is_killed_is_run_again(tmp_path: Path) -> None:
    marker, results = tmp_path / "marker", tmp_path / "results"
    tasks = [
        {"ansible.builtin.stat": {"path": str(marker)}, "register": "found"},
        {"ansible.builtin.file": {"path": str(marker), "state": "touch", "mode": "0600"}},
        {"ansible.builtin.pause": {"seconds": 120}, "when": "not found.stat.exists"},
    ]
    (tmp_path / "own.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    stages = {"only": {"playbooks": [str(tmp_path / "own.yml")]}}
    (tmp_path / "pipeline.yml").write_text(yaml.safe_dump({"name": "own", "results": str(results), "stages": stages}))
    given = {
        "pipeline": str(tmp_path / "pipeline.yml"),
        "pipeline_stage": "only",
        "pipeline_key": str(tmp_path / "key.pem"),
    }
    folder = private(tmp_path, {"keelson_playbook": "pipeline", **given}, {})
    job = launch(folder, tmp_path)
    kill_when(marker, job, tmp_path)
    again = launch(folder, tmp_path, ident="2")
    text = again.communicate(timeout=300)[0].decode()
    assert again.returncode == 0, text
    kinds = [entry["kind"] for entry in json.loads((results / "index.json").read_text())["entries"]]
    assert kinds == ["begun", "begun", "result"]


@pytest.mark.parametrize("beside", [True, False], ids=["collection beside the source", "collection not found"])
def test_an_inventory_update(tmp_path: Path, beside: bool) -> None:
    """AWX sets only the old plural collections path, which Ansible does not read any more."""
    project = tmp_path / "project"
    project.mkdir()
    outputs = {
        "clusters": {
            "value": {"product": {"engine": "nomad", "managers": {"hosts": [{"name": "m1", "address": "10.0.0.1"}]}}},
            "type": "dynamic",
        }
    }
    state = {
        "version": 4,
        "terraform_version": "1.9.0",
        "serial": 1,
        "lineage": "x",
        "outputs": outputs,
        "resources": [],
    }
    (project / "terraform.tfstate").write_text(json.dumps(state))
    (project / "product.stacks.yml").write_text(
        "plugin: keelson.cluster.stacks\nstacks:\n  all: {state: terraform.tfstate}\n"
    )
    if beside:
        folder = project / "collections/ansible_collections/keelson"
        folder.mkdir(parents=True)
        (folder / "cluster").symlink_to(ROOT)
    output = tmp_path / "output.json"
    given = {
        "PATH": os.environ["PATH"],
        "HOME": "",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_COLLECTIONS_PATHS": COLLECTIONS,
        "ANSIBLE_INVENTORY_EXPORT": "True",
        "ANSIBLE_VERBOSE_TO_STDERR": "True",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
    }
    command = [
        "ansible-inventory",
        "--list",
        "--export",
        "-i",
        str(project / "product.stacks.yml"),
        "--output",
        str(output),
    ]
    done = subprocess.run(
        [*command, "--playbook-dir", str(project)],
        env=given,
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if beside:
        assert done.returncode == 0, done.stderr
        assert "m1" in json.loads(output.read_text())["product_managers"]["hosts"], done.stderr
    else:
        assert done.returncode != 0 and "keelson.cluster.stacks" in done.stderr
