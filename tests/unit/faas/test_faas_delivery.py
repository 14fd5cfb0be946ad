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
from pathlib import Path

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
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
    shown = {name for panel in board["panels"] for target in panel["targets"] for name in METRIC.findall(target["expr"])}
    assert shown <= told(), shown - told()
    assert told() - shown <= {"keelson_faas_seconds_count", "keelson_faas_seconds_sum"}, told() - shown
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_every_alert_is_of_a_metric_and_says_what_to_do() -> None:
    (group,) = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        assert set(METRIC.findall(rule["expr"])) <= told() and rule["annotations"]["action"], rule
        assert METRIC.findall(rule["expr"]) or rule["expr"].startswith("up{"), rule


def test_the_pipeline_builds_an_archive_whose_digest_the_function_has(tmp_path: Path) -> None:
    """Twice, from files of another time: the digest is the same, and the data that is deployed has it."""
    shutil.copytree(ROOT / "examples/functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    digests = []
    for moment in (1, 2):
        os.utime(tmp_path / "functions/http/greet.py", (moment, moment))
        command = ["ansible-playbook", "functions/delivery/build.yml", "-i", "localhost,"]
        environment = {**os.environ, "PWD": str(tmp_path), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        digests.append(json.loads((tmp_path / "build/greet.json").read_text())["digest"])
    assert digests[0] == digests[1]
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))
    text = (tmp_path / "functions/delivery/functions.yml").read_text()
    given = Templar(loader).template(trust_tree(yaml.safe_load(text)["faas_functions"]))
    declared = functions.read([{"name": "shop"}], given)
    assert [(one.label, one.weight) for one in declared.functions] == [("shop/greet", 0), ("shop/greet_canary", 0)]
    assert declared.functions[1].digest == digests[0]
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        assert set(artifacts.read(declared)) == {"functions/http/greet.py", "build/greet.tar.gz"}
    finally:
        os.chdir(before)


def trust_tree(value: object) -> object:
    """Texts as Ansible reads them from a file of the site."""
    if isinstance(value, dict):
        return {key: trust_tree(one) for key, one in value.items()}
    if isinstance(value, list):
        return [trust_tree(one) for one in value]
    return trust_as_template(value) if isinstance(value, str) else value
