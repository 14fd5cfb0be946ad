# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dashboard and alerts name metrics that there are; a function's pipeline builds the same archive each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "examples/functions/monitoring"
SOURCES = [ROOT / f"roles/faas_runtime/files/gateway/{name}.py" for name in ("gateway", "events")]
METRIC = re.compile(r"keelson_faas_\w+")


def told() -> set[str]:
    """The metrics of the gateway."""
    return {name for path in SOURCES for name in METRIC.findall(path.read_text())}


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    board = json.loads((MONITORING / "dashboard.json").read_text())
    shown = {
        name for panel in board["panels"] for target in panel["targets"] for name in METRIC.findall(target["expr"])
    }
    assert shown <= told(), shown - told()
    assert told() - shown <= {"keelson_faas_seconds_count", "keelson_faas_seconds_sum"}, told() - shown
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_every_alert_is_of_a_metric_and_says_what_to_do() -> None:
    (group,) = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        assert set(METRIC.findall(rule["expr"])) <= told() and rule["annotations"]["action"], rule
        assert METRIC.findall(rule["expr"]) or rule["expr"].startswith("up{"), rule


def test_the_pipeline_builds_an_archive_whose_digest_the_function_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in it tells when or where it was built; the data that is deployed has its digest."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples/functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    command = ["ansible-playbook", "functions/delivery/build.yml", "-i", "localhost,"]
    environment = {**os.environ, "PWD": str(tmp_path), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    digest = json.loads(Path("build/greet.json").read_text())["digest"]
    assert Path("build/greet.tar.gz").read_bytes()[4:8] == bytes(4)  # gzip's own time
    with tarfile.open("build/greet.tar.gz") as archive:
        members = [(one.name, one.mtime, one.uid, one.uname, one.mode) for one in archive.getmembers()]
    assert members == [("greet.py", 0, 0, "", 0o644)]
    (given,) = yaml.safe_load(Path("functions/delivery/functions.yml").read_text())["faas_functions"]
    assert "build/greet.json" in given["canary"]["digest"] and "greet_weight" in given["canary"]["weight"]
    given["canary"] |= {"digest": digest, "weight": 0}
    declared = functions.read([{"name": "shop"}], [given])
    assert [one.label for one in declared.functions] == ["shop/greet", "shop/greet_canary"]
    assert set(artifacts.read(declared)) == {"functions/http/greet.py", "build/greet.tar.gz"}
