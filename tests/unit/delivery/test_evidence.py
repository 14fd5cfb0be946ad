# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence for an auditor: what belongs to a regime, judged by controls, signed, compared, and never of altered reports."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.action.report import ActionModule
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import evidence, release, reports, results
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import model
from ansible_collections.keelson.cluster.plugins.plugin_utils.shape import moment
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/placement/placement.yml"
NOW = moment("2026-12-01T12:00Z", "test")
ENTRIES: list[dict[str, Any]] = [
    {"kind": "begun", "stage": "test", "environment": "test", "by": "ci"},
    {"kind": "result", "stage": "test", "environment": "test", "by": "ci", "result": "passed", "report": ""},
    {"kind": "release", "name": "cluster-1", "parts": {"config": "sha256:1"}},
    {"kind": "promotion", "release": "cluster-1", "environment": "prod", "by": "anna"},
    {"kind": "approval", "stage": "prod", "decision": "approved", "by": "anna", "reason": "tested"},
    {
        "kind": "result",
        "stage": "prod",
        "environment": "prod",
        "by": "ci",
        "result": "passed",
        "approvals": [5],
        "override_freeze": "a leak is closed",
        "report": "",
    },
]


def check(kind: str, target: str = "m1", passed: bool = True, text: str = "as it should be") -> dict[str, Any]:
    found = {"check": kind, "title": kind, "host": "m1", "target": target, "passed": passed, "evidence": text}
    return {**found, "remedy": "", "seconds": 0.1}


def report(
    cluster: str = "product", *checks: dict[str, Any], time: str = "2026-12-01T10:00:00+00:00"
) -> dict[str, Any]:
    told = {"cluster": cluster, "engine": "kubernetes", "environment": "prod", "time": time, "version": "1.36.3"}
    chosen = checks or (check("listeners"), check("certificate", text="until 2027-03-01, 90 days left"))
    made_of = {"stack nodes": "serial 7 of 3f2a", "configuration": "sha256:cd"}
    return {
        **told,
        "collection": "0.1.0",
        "made_of": made_of,
        "passed": True,
        "counts": {"checks": 2, "failed": 0},
        "checks": list(chosen),
    }


def numbered() -> list[dict[str, Any]]:
    return [{**entry, "number": number} for number, entry in enumerate(copy.deepcopy(ENTRIES), 1)]


def test_a_regime_with_a_typing_error_is_told_before_anything_is_looked_at() -> None:
    """And without one nothing is written then."""
    options = {"regime": "pci", "placement": str(EXAMPLE), "state": "checked", "results": []}
    action = ActionModule.__new__(ActionModule)
    assert action.act(options, {}) == {}
    for state in ("checked", "written"):
        with pytest.raises(UserError, match="pcj"):
            action.act({**options, "regime": "pcj", "state": state}, {})
    (play,) = (p for p in yaml.safe_load((ROOT / "playbooks/verify.yml").read_text()) if p["name"] == "Verify")
    looks = [task for task in play["tasks"] if any(key.startswith("keelson.cluster.") for key in task)]
    assert looks[0]["keelson.cluster.report"]["state"] == "checked" and looks[0]["run_once"]


def collected(*told: dict[str, Any], regime: str = "pci") -> dict[str, Any]:
    placement = model.load(str(EXAMPLE))
    own = evidence.about(numbered(), evidence.environments(placement, regime))
    return evidence.collect(placement, regime, own, told, NOW)


def test_who_did_what_by_which_approval() -> None:
    content = collected(report())
    assert [entry["number"] for entry in content["entries"]] == [3, 4, 5, 6] and content["environments"] == ["prod"]
    lines = evidence.flat(content)
    assert lines["result 6"] == "prod passed ci a leak is closed"
    assert lines["approval 5"] == "prod approved anna tested" and lines["promotion 4"] == "cluster-1 anna"
    assert lines["application checkout"] == "product/payments"


def test_clusters_with_versions_certificates_and_controls() -> None:
    content = collected(report(), report("shared"))
    assert set(content["clusters"]) == {"product"}, "a cluster without the regime's applications is not the auditor's"
    assert content["controls"]["PCI DSS 1.2"]["state"] == "held"
    assert content["controls"]["PCI DSS 8.2"]["state"] == "not checked"
    lines = evidence.flat(content)
    assert lines["cluster product"] == "kubernetes 1.36.3, collection 0.1.0"
    assert lines["product stack nodes"] == "serial 7 of 3f2a" and lines["product configuration"] == "sha256:cd"
    assert lines["certificate product m1"] == "until 2027-03-01"
    assert lines["control PCI DSS 4.2.1"] == "held (1 checks)"


def test_a_check_that_failed_fails_its_control_and_the_newest_report_counts() -> None:
    old = report(time="2026-11-01T10:00:00+00:00")
    content = collected(report("product", check("listeners", "w1", False, "port 22 is open")), old)
    assert content["controls"]["PCI DSS 1.2"]["state"] == "failed"
    differs = release.difference(evidence.flat(collected(old)), evidence.flat(content))
    assert differs["check listeners product w1"] == ("", "failed: port 22 is open")
    assert differs["control PCI DSS 1.2"][1] == "failed (1 checks); product w1: port 22 is open"


def test_a_cluster_without_a_report_is_told() -> None:
    content = collected()
    assert content["unreported"] == ["product"] and evidence.flat(content)["cluster product"] == "no report"


def test_exceptions_have_reason_approver_and_end() -> None:
    lines = evidence.flat(collected(regime="personal-data"))
    words = "region until 2027-06-30, by data protection officer: no cluster of this team in eu-west yet"
    assert lines["exception recommendations on batch"] == words


def test_two_of_the_same_state_do_not_differ() -> None:
    later = report(time="2026-12-02T10:00:00+00:00")
    assert release.difference(evidence.flat(collected(report())), evidence.flat(collected(later))) == {}


def test_two_states_differ_line_by_line() -> None:
    """What an auditor asks of two months: versions, certificates, controls, exceptions, deeds, and what a cluster is made of."""
    may = collected(report(time="2026-05-31T10:00:00+00:00"), regime="pci")
    june = copy.deepcopy(may)
    june["clusters"]["product"].update(version="1.37.2", made_of={"stack nodes": "serial 8 of 3f2a"})
    june["clusters"]["product"]["checks"][1]["evidence"] = "until 2027-06-01, 180 days left"
    june["controls"]["PCI DSS 8.2"].update(state="held", checks=3)
    june["exceptions"].append(
        {
            "application": "checkout",
            "cluster": "shared",
            "rules": ["region"],
            "until": "2026-12-31",
            "approved_by": "dpo",
            "reason": "move",
        }
    )
    june["entries"].append(
        {"kind": "promotion", "number": 7, "release": "cluster-2", "environment": "prod", "by": "bert"}
    )
    assert release.difference(evidence.flat(may), evidence.flat(june)) == {
        "cluster product": ("kubernetes 1.36.3, collection 0.1.0", "kubernetes 1.37.2, collection 0.1.0"),
        "product stack nodes": ("serial 7 of 3f2a", "serial 8 of 3f2a"),
        "product configuration": ("sha256:cd", ""),
        "certificate product m1": ("until 2027-03-01", "until 2027-06-01"),
        "control PCI DSS 8.2": ("not checked (0 checks)", "held (3 checks)"),
        "exception checkout on shared": ("", "region until 2026-12-31, by dpo: move"),
        "promotion 7": ("", "cluster-2 bert"),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [("altered", "r/00001-prod/report: the report of result 1 was altered"), ("gone", "is missing")],
)
def test_a_report_that_is_not_what_was_recorded_is_refused(tmp_path: Path, change: str, words: str) -> None:
    folder = tmp_path / "r/00001-prod/report"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(report()))
    entry = {"kind": "result", "number": 1, "folder": "00001-prod", "report": results.digest_of(str(folder))}
    (found,) = reports.recorded(str(tmp_path / "r"), [entry])
    assert found["cluster"] == "product" and found["result"] == 1 and found["digest"].startswith("sha256:")
    if change == "altered":
        (folder / "report.json").write_text(json.dumps({**report(), "passed": False}))
    else:
        folder.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=re.escape(words)):
        reports.recorded(str(tmp_path / "r"), [entry])


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(UserError, match=r"report\.json: not a report of verify"):
        reports.read(str(tmp_path / "report.json"))


def test_what_was_altered_is_refused(tmp_path: Path) -> None:
    path, key = str(tmp_path / "evidence.json"), sign.load_key(tmp_path / "key.pem")
    evidence.write(collected(report()), path, str(tmp_path / "key.pem"))
    assert evidence.read(path, key.public_key())["regime"] == "pci"
    content = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps({**content, "exceptions": []} | {"unreported": ["x"]}))
    with pytest.raises(UserError, match=r"evidence\.json: the signature is not of the trusted key"):
        evidence.read(path, key.public_key())
    Path(path).write_text("nothing")
    with pytest.raises(UserError, match=r"evidence\.json: evidence cannot be read there"):
        evidence.read(path, key.public_key())


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        (
            {"PCI DSS 1": ["lisstners"]},
            "regimes.pci: controls: kind of check lisstners is not defined; did you mean listeners?",
        ),
        ({"PCI DSS 1": "listeners"}, "regimes.pci: controls is neither a list of controls nor a mapping"),
        ("PCI DSS 1", "regimes.pci: controls is neither"),
    ],
)
def test_wrong_controls_are_one_message(controls: Any, words: str) -> None:
    raw = yaml.safe_load(EXAMPLE.read_text())
    raw["regimes"]["pci"]["controls"] = controls
    with pytest.raises(UserError, match=re.escape(words)):
        model.parse(raw, "placement.yml")


def play(folder: Path, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ansible-playbook", "-i", "inventory.yml", str(playbook), *arguments]
    shown = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}
    environment = {**os.environ, **shown, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_playbooks_write_and_compare_it(tmp_path: Path) -> None:
    """A run of verify without a pipeline, and the pipeline's evidence with a report by its path."""
    host = {
        "cluster_part": "manager",
        "cluster_name": "product",
        "cluster_engine": "nomad",
        "cluster_address": "10.0.0.1",
    }
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"m1": host}}}))
    stages = {"only": {"playbooks": ["offline"], "environment": "prod"}}
    content = {"name": "own", "results": str(tmp_path / "r"), "stages": stages}
    content["release"] = {"passed": "only", "environments": ["prod"], "parts": []}
    (tmp_path / "pipeline.yml").write_text(yaml.safe_dump(content))
    (tmp_path / "report.json").write_text(json.dumps(report()))
    sign.load_key(tmp_path / "key.pem")
    given = ["-e", f"pipeline={tmp_path}/pipeline.yml", "-e", f"pipeline_key={tmp_path}/key.pem"]
    asked = ["-e", "release_action=evidence", "-e", f"placement={EXAMPLE}", "-e", "release_regime=pci"]
    asked += ["-e", f"release_reports={tmp_path}/report.json"]
    made = play(tmp_path, str(ROOT / "playbooks/release.yml"), *given, *asked)
    assert made.returncode == 0, made.stdout
    written = tmp_path / "evidence.json"
    assert json.loads(written.read_text())["clusters"]["product"]["version"] == "1.36.3"

    tasks = [
        {"ansible.builtin.set_fact": {"seen": {"checks": [check("listeners", passed=False, text="port 22 is open")]}}},
        {
            "keelson.cluster.report": {
                "results": ["seen"],
                "directory": str(tmp_path / "verified"),
                "regime": "pci",
                "placement": str(EXAMPLE),
                "key": str(tmp_path / "key.pem"),
            }
        },
    ]
    own = [{"hosts": "m1", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "verify.yml").write_text(json.dumps(own))
    failed = play(tmp_path, str(tmp_path / "verify.yml"))
    assert failed.returncode == 2 and "1 of 1 checks failed" in failed.stdout, failed.stdout + failed.stderr
    both = f"release_compare={written},{tmp_path}/verified/evidence.json"
    compared = play(tmp_path, str(ROOT / "playbooks/release.yml"), *given, "-e", "release_action=diff", "-e", both)
    assert compared.returncode == 0 and "failed: port 22 is open" in " ".join(compared.stdout.split()), compared.stdout

    tasks[0] = {"ansible.builtin.set_fact": {"seen": {"checks": [check("listeners")]}}}
    (tmp_path / "verify.yml").write_text(json.dumps(own))
    passed = play(tmp_path, str(tmp_path / "verify.yml"))
    told = passed.stdout.partition("CUSTOM STATS")[2]
    assert passed.returncode == 0 and "cluster: product" in told and "configuration: sha256:" in told, passed.stdout
