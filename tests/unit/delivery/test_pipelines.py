# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines: the file's faults, gates, results that cannot be altered unseen, releases, and what is rendered."""

from __future__ import annotations

import copy
import datetime
import http.client
import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils import sign, variable_types
from ansible_collections.keelson.cluster.plugins.plugin_utils.delivery import (
    gates,
    pipeline,
    release,
    render,
    results,
    runs,
)
from ansible_collections.keelson.cluster.plugins.plugin_utils.shape import moment
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples/pipelines").glob("*.yml"))
PLAYBOOKS = variable_types.playbook_names()
NOW = moment("2026-12-01T12:00Z", "test")

CONTENT: dict[str, Any] = {
    "name": "cluster",
    "release": {"passed": "test", "environments": ["test", "prod"], "parts": ["config"]},
    "stages": {
        "check": {"playbooks": ["offline"], "inputs": ["config"]},
        "test": {
            "after": ["check"],
            "environment": "test",
            "playbooks": ["install", "verify"],
            "inputs": ["config"],
            "cleanup": ["uninstall"],
            "cleanup_variables": {"uninstall_confirm": "test"},
        },
        "prod": {
            "after": ["test"],
            "environment": "prod",
            "gates": [
                {"approval": {"by": ["anna", "bert"]}},
                {"age": {"hours": 24}},
                {"release": {"environment": "prod"}},
            ],
            "playbooks": ["install"],
            "inputs": ["config"],
        },
    },
}

#: Tells what it was asked, fails where it is told to, and reports of a cluster what the file made-of says.
PROGRAM = """#!/bin/sh
echo "$@" >> calls
for last; do case $last in @*) report=$(sed -n 's/.*"verify_report": "\\([^"]*\\)".*/\\1/p' "${last#@}") ;; esac; done
[ ! -e "fail-$last" ] || { echo "it broke"; exit 2; }
[ ! -e made-of ] || { mkdir -p "$report" && cat made-of > "$report/report.json"; }
"""


def verified(place: Path, **made_of: str) -> None:
    """What verify will report of the cluster that a stage installs."""
    told = {"cluster": "c", "time": "", "version": "1", "counts": {}, "checks": [], "made_of": made_of}
    (place / "made-of").write_text(json.dumps(told))


def parsed(**changes: Any) -> pipeline.Pipeline:
    content = copy.deepcopy(CONTENT)
    for place, value in changes.items():
        *parents, last = place.split("__")
        entry = content
        for name in parents:
            entry = entry[name]
        entry[last] = value
    return pipeline.parse(content, "cluster.yml", PLAYBOOKS)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, a key, and a program in the place of ansible-playbook that tells what it was asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").write_text("one\n")
    program = tmp_path / "bin/ansible-playbook"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def run(place: Path, found: pipeline.Pipeline, name: str, hours: int = 0, by: str = "ci") -> tuple[results.Entry, str]:
    """What the module does for a stage."""
    key = sign.load_key(place / "key.pem")
    entries, stage = results.read(found.results, key.public_key()), found.stage(name)
    before = gates.stage_results(found, stage, entries)
    inputs = {path: results.digest_of(path) for path in stage.inputs}
    gates.unchanged(stage, before, inputs)
    now = runs.now() + datetime.timedelta(hours=hours)
    used = gates.open_gates(
        found, stage, entries, before, inputs, now, lambda asked: False, lambda: {**inputs, "collection": "1"}
    )
    return runs.run(found, stage, entries, inputs, used, by, [], {}, key, None)


def decide(place: Path, found: pipeline.Pipeline, decision: str, by: str, reason: str = "") -> None:
    """Record a decision about the stage prod."""
    inputs = {path: results.digest_of(path) for path in found.stage("prod").inputs}
    entry = gates.decide(found, found.stage("prod"), entries_of(place, found), inputs, decision, by, reason, NOW)
    add(place, found, entry)


def entries_of(place: Path, found: pipeline.Pipeline) -> list[results.Entry]:
    return results.read(found.results, sign.load_key(place / "key.pem").public_key())


def add(place: Path, found: pipeline.Pipeline, entry: dict[str, Any]) -> results.Entry:
    return results.append(found.results, entry, sign.load_key(place / "key.pem"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_pipelines(path: Path) -> None:
    found = pipeline.load(str(path), PLAYBOOKS)
    known = {pipeline.load(str(other), PLAYBOOKS).name: pipeline.load(str(other), PLAYBOOKS) for other in EXAMPLES}
    for stage in found.stages.values():
        for triggered in stage.triggers:
            name, _, target = triggered.partition(":")
            assert name not in known or target in known[name].stages, triggered
        own = " ".join(text_of(path.parents[1] / name) for name in (*stage.playbooks, *stage.inputs))
        for variable in (*stage.variables, *stage.cleanup_variables):
            assert variable in variable_types.playbooks() or re.search(rf"\b{variable}\b", own), variable


def text_of(place: Path) -> str:
    """What is written in a user's own playbook, or in the files of a folder that a stage takes in."""
    return " ".join(path.read_text() for path in sorted([place, *place.rglob("*.yml")]) if path.is_file())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"stages__test__playbooks": ["instal"]},
            "cluster.yml: stages.test: playbook instal is not defined; did you mean install?",
        ),
        ({"stages__test__cleanup": ["unistall"]}, "did you mean uninstall?"),
        (
            {"stages__check__after": ["prod"]},
            "stages: check, test, prod wait for one another; remove one of their after",
        ),
        ({"stages__test__after": ["chek"]}, "stages.test: stage chek is not defined; did you mean check?"),
        (
            {"stages__prod__gates": [{"approval": {"by": []}}]},
            "stages.prod: gates[0]: can never open: nobody may approve",
        ),
        (
            {"stages__check__gates": [{"age": {"hours": 1}}]},
            "stages.check: gates[0]: can never open: the age is that of results",
        ),
        (
            {"stages__prod__gates": [{"release": {"environment": "live"}}]},
            "can never open: releases are not promoted to 'live'",
        ),
        (
            {"stages__prod__gates": [{"channel": {"directory": "i", "channel": "new", "name": "x"}}]},
            "channel is 'new'; there are candidate",
        ),
        (
            {"stages__prod__gates": [{"approval": {"by": ["anna"]}}, {"approval": {"by": ["anna"]}}]},
            "stages.prod: gates: can never open: 2 approvals of as many people are needed, and anna alone may give them",
        ),
        (
            {"stages__prod__gates": [{"approval": {"by": by}} for by in (["anna"], ["bert", "carl"], ["anna"])]},
            "stages.prod: gates: can never open: 2 approvals of as many people are needed, and anna alone may give them",
        ),
        (
            {"stages__prod__gates": [{"approval": {"by": ["anna"], "four_eyes": "yes"}}]},
            "four_eyes is text, true or false",
        ),
        (
            {"stages__prod__gates": [{"approval": {"by": ["anna"]}, "age": {"hours": 1}}]},
            "gates[0]: names 2 kinds of gate",
        ),
        ({"stages__prod__gates": [{"channel": {"channel": "tested", "name": "x"}}]}, "channel: directory is missing"),
        ({"stages__prod__after": ["prod"]}, "stages: prod wait for one another; remove one of their after"),
        ({"stages__check__gates": [{"age": {"hours": 1}}], "stages__check__after": ["test"]}, "wait for one another"),
        ({"stages__Test": {"playbooks": ["verify"]}}, "'Test' is no name; use up to 63 lower-case letters"),
        ({"release__environments": ["test", "test"]}, "release: environments has test twice"),
        ({"stages__prod__gates": [{}]}, "gates[0]: names 0 kinds of gate"),
        ({"stages__prod__triggers": ["chek"]}, "did you mean check?"),
        ({"release__passed": "tset"}, "cluster.yml: release: stage (passed) tset is not defined; did you mean test?"),
        ({"stages__test__inputs": "config", "stages__test__image": "x"}, "stages.test: unknown key image"),
        ({"stages": {}}, "cluster.yml: stages is empty"),
        ({"stages__check__playbooks": []}, "stages.check: playbooks is empty"),
        ({"name": "../x"}, "cluster.yml: name: '../x' is no name"),
        ({"stages__prod__gates": [{"age": {"hours": -1}}]}, "age: hours is -1, a number from 1 to 10000 is needed"),
        ({"stages__prod__gates": [{"age": {"hours": 10**14}}]}, "a number from 1 to 10000 is needed"),
        ({"stages__test__expires_hours": 0}, "stages.test: expires_hours is 0, a number from 1 to"),
        ({"stages__prod__gates": [{"approval": {"by": [""]}}]}, "can never open: nobody may approve"),
        (
            {"stages__check__gates": [{"release": {"environment": "test"}}]},
            "stages.check: can never open: a release is recorded after the stage test, which needs this one",
        ),
        ({"stages__test__gates": [{"release": {"environment": "test"}}]}, "stages.test: can never open: a release is"),
        (
            {"release__parts": ["config", "images"]},
            "release: images is no input of the stage test, so it is not tested",
        ),
        ({"stages__prod__triggers": ["cluster:chek"]}, "did you mean check?"),
        (
            {"stages__check__triggers": ["test"], "stages__test__triggers": ["cluster:check"]},
            "stages: check, test trigger one another without an end; remove one of their triggers",
        ),
    ],
)
def test_a_wrong_pipeline_is_one_message(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        parsed(**changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no mapping of keys"),
        ("- stages\n", "holds no mapping of keys"),
        ("stages\n", "holds no mapping of keys"),
        ("name: [\n", "cannot be read"),
        ("name: c\nstages:\n  a: {playbooks: [verify]}\n  a: {playbooks: [install]}\n", "line 4: a is there twice"),
        ("name: c\nstages:\n  a: {playbooks: [verify], gates: [], gates: []}\n", "line 3: gates is there twice"),
        ("name: c\nstages: &all {a: *all}\n", "unknown key a"),
    ],
)
def test_a_file_that_is_no_pipeline_is_one_message(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.yml").write_text(text)
    with pytest.raises(UserError, match=rf"p\.yml: .*{words}"):
        pipeline.load(str(tmp_path / "p.yml"), PLAYBOOKS)


def test_what_a_merge_replaces_is_not_there_twice(tmp_path: Path) -> None:
    text = "name: c\nstages:\n  a: &a {playbooks: [verify]}\n  b: &b {<<: *a, playbooks: [install]}\n  c: {<<: *b, after: [a]}\n"
    (tmp_path / "p.yml").write_text(text)
    found = pipeline.load(str(tmp_path / "p.yml"), PLAYBOOKS)
    assert found.stage("c").playbooks == ["install"]


def test_stages_run_in_order_with_their_variables_and_are_recorded(place: Path) -> None:
    found = parsed()
    with pytest.raises(UserError, match="the stage check has not run yet"):
        run(place, found, "test")
    entry, failed = run(place, found, "check")
    assert (
        not failed and entry["result"] == "passed" and entry["inputs"]["config"].startswith("sha256:") and entry["by"]
    )
    entry, _failed = run(place, found, "test")
    called = [line.split()[-1] for line in (place / "calls").read_text().splitlines()]
    assert called == [f"keelson.cluster.{name}" for name in ("offline", "install", "verify", "uninstall")]
    assert (place / "results" / entry["folder"] / "install.log").exists() and entry["seconds"] < 5


def test_a_failed_stage_is_cleaned_up_and_stops_those_after_it(place: Path) -> None:
    found = parsed()
    run(place, found, "check")
    (place / "fail-keelson.cluster.install").touch()
    entry, failed = run(place, found, "test")
    assert entry["result"] == "failed" and "install failed (2)" in failed and failed.endswith("it broke")
    assert (
        "keelson.cluster.uninstall" in (place / "calls").read_text()
        and "keelson.cluster.verify" not in (place / "calls").read_text()
    )
    with pytest.raises(UserError, match=r"the stage test failed \(result \d+\); correct it"):
        run(place, found, "prod")


def test_an_input_that_changed_after_its_test_is_refused(place: Path) -> None:
    found = parsed()
    run(place, found, "check")
    (place / "config").write_text("two\n")
    with pytest.raises(UserError, match="config has changed since the stage check passed"):
        run(place, found, "test")


def test_gates_open_by_approval_age_and_release(place: Path) -> None:
    found = parsed()
    run(place, found, "check")
    run(place, found, "test")
    with pytest.raises(
        UserError, match="stage prod: waits for the approval of anna or bert: -e pipeline_approval=approve"
    ):
        run(place, found, "prod", 30)
    with pytest.raises(UserError, match=r"approver \(pipeline_by\) carl is not defined"):
        decide(place, found, "approve", "carl")
    decide(place, found, "deny", "bert", "too late")
    called, noted = (place / "calls").read_text(), entries_of(place, found)
    with pytest.raises(UserError, match=r"stage prod: bert denied it \(too late\); nothing was started"):
        run(place, found, "prod", 30)
    assert (place / "calls").read_text() == called and entries_of(place, found) == noted
    decide(place, found, "approve", "anna")
    with pytest.raises(UserError, match="stage prod: opens at .* UTC, 24 hours after the stages before"):
        run(place, found, "prod")
    with pytest.raises(UserError, match="stage prod: no release was promoted to prod yet"):
        run(place, found, "prod", 30)

    parts = {"config": results.digest_of("config"), "collection": "1"}
    record = add(place, found, release.record(found, entries_of(place, found), parts, NOW, None))
    with pytest.raises(UserError, match="cluster-1 was never in test, so it cannot go to prod"):
        release.promote(found, entries_of(place, found), "cluster-1", "prod", "anna", NOW)
    for environment in ("test", "prod"):
        add(place, found, release.promote(found, entries_of(place, found), record["name"], environment, "anna", NOW))
    entry, failed = run(place, found, "prod", 30)
    assert not failed and len(entry["approvals"]) == 1
    assert release.current(found, entries_of(place, found)) == {"test": "cluster-1", "prod": "cluster-1"}
    # What passed again is another result, and needs another approval.
    run(place, found, "test")
    with pytest.raises(UserError, match="waits for the approval"):
        run(place, found, "prod", 30)


def test_a_release_is_what_passed(place: Path) -> None:
    found = parsed()
    run(place, found, "check")
    with pytest.raises(UserError, match="a release needs a passed run of the stage test"):
        release.record(found, entries_of(place, found), {"config": "x"}, NOW, None)
    run(place, found, "test")
    with pytest.raises(UserError, match="config has changed since the stage test"):
        release.record(found, entries_of(place, found), {"config": "sha256:other"}, NOW, None)
    with pytest.raises(UserError, match="images is no input of the stage test, so it was not tested"):
        release.record(found, entries_of(place, found), {"images": "sha256:other"}, NOW, None)
    parts = {"config": results.digest_of("config"), "collection": "1"}
    first = add(place, found, release.record(found, entries_of(place, found), parts, NOW, None))
    assert release.record(found, entries_of(place, found), parts, NOW, None) == first, (
        "the same parts are the same release"
    )
    assert release.difference(first["parts"], {**first["parts"], "collection": "2"}) == {"collection": ("1", "2")}
    with pytest.raises(UserError, match="release cluster-7 is not defined; did you mean cluster-1?"):
        release.find(found, entries_of(place, found), "cluster-7")


@pytest.mark.parametrize("change", ["result", "release", "remove", "unsigned"])
def test_a_record_that_was_altered_is_refused(place: Path, change: str) -> None:
    found = parsed()
    for stage in ("check", "test"):
        run(place, found, stage)
    recorded(place, found)
    path = place / "results/index.json"
    index = json.loads(path.read_text())
    if change == "result":
        index["entries"][0]["result"] = "failed"
    elif change == "release":
        index["entries"][-1]["parts"]["config"] = "sha256:other"
    elif change == "remove":
        index["entries"].pop(0)
    else:
        del index["signature"]
    path.write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"results/index\.json: (the signature is not of|is not signed)"):
        entries_of(place, found)


def test_an_entry_taken_away_by_who_has_the_key_is_seen(place: Path) -> None:
    found = parsed()
    run(place, found, "check")
    path, key = place / "results/index.json", sign.load_key(place / "key.pem")
    index = json.loads(path.read_text())
    index["entries"].pop(0)
    path.write_text(json.dumps(sign.sealed(index, key)))
    with pytest.raises(UserError, match="entry 1 does not follow the one before"):
        entries_of(place, found)


def test_an_older_index_that_is_put_back_is_seen(place: Path) -> None:
    found = parsed()
    run(place, found, "check")
    older = (place / "results/index.json").read_bytes()
    run(place, found, "check")
    (place / "results/index.json").write_bytes(older)
    with pytest.raises(UserError, match="ends at entry 2, but 00003-check lies beside it"):
        entries_of(place, found)


def test_runs_that_were_left_are_cleaned_up_by_age(place: Path) -> None:
    found = parsed(stages__test__expires_hours=6)
    key = sign.load_key(place / "key.pem")
    begin(place, found, 7)
    assert runs.reap(found, entries_of(place, found), [], key, None) == ["test (1)"]
    assert (place / "calls").read_text().split()[-1] == "keelson.cluster.uninstall"
    assert runs.reap(found, entries_of(place, found), [], key, None) == [], "once"
    begin(place, found, 7)
    begin(place, found, 1)
    assert runs.reap(found, entries_of(place, found), [], key, None) == [], (
        "the servers are those of the run that goes on"
    )


def test_a_run_that_was_not_cleaned_up_is_cleaned_up_by_age(place: Path) -> None:
    found = parsed(stages__check__cleanup=["offline"], stages__check__expires_hours=1, stages__test__expires_hours=6)
    key = sign.load_key(place / "key.pem")
    run(place, found, "check")
    (place / "fail-keelson.cluster.uninstall").touch()
    entry, failed = run(place, found, "test")
    assert entry["result"] == "failed" and not entry["cleaned"] and "uninstall failed" in failed
    later = [{**e, "at": (runs.now() - datetime.timedelta(hours=7)).isoformat()} for e in entries_of(place, found)]
    begin(place, found, 2, "check")
    later.append(entries_of(place, found)[-1])
    with pytest.raises(UserError, match=r"run 3 of the stage test was left and cannot be cleaned up: (.|\n)*it broke"):
        runs.reap(found, later, [], key, None)
    assert entries_of(place, found)[-1]["stage"] == "check", "the others are cleaned up all the same"
    (place / "fail-keelson.cluster.uninstall").unlink()
    assert "test (3)" in runs.reap(found, later, [], key, None)


def test_a_run_that_begins_in_the_future_is_told(place: Path) -> None:
    found = parsed()
    begin(place, found, -3)
    with pytest.raises(UserError, match="run 1 of the stage test began at .*, which is yet to come; correct the clock"):
        runs.reap(found, entries_of(place, found), [], sign.load_key(place / "key.pem"), None)


def begin(place: Path, found: pipeline.Pipeline, hours: int, stage: str = "test") -> None:
    """A run that began that many hours ago, and was killed."""
    at = (runs.now() - datetime.timedelta(hours=hours)).isoformat()
    entry = {"kind": "begun", "pipeline": "cluster", "stage": stage, "environment": "test", "by": "x", "at": at}
    add(place, found, entry)


def test_every_gate_asks_its_own_approvers(place: Path) -> None:
    found = parsed(stages__prod__gates=[{"approval": {"by": ["anna"]}}, {"approval": {"by": ["bert"]}}])
    run(place, found, "check")
    run(place, found, "test")
    decide(place, found, "approve", "anna")
    with pytest.raises(UserError, match="waits for the approval of bert"):
        run(place, found, "prod")
    decide(place, found, "approve", "bert")
    entry, _failed = run(place, found, "prod")
    assert len(entry["approvals"]) == 2
    with pytest.raises(UserError, match="waits for the approval of carl"):
        run(place, parsed(stages__prod__gates=[{"approval": {"by": ["carl"]}}]), "prod")


def test_two_gates_need_two_people(place: Path) -> None:
    both = [{"approval": {"by": ["anna", "bert"]}}, {"approval": {"by": ["anna"]}}]
    found = parsed(stages__prod__gates=both)
    run(place, found, "check")
    run(place, found, "test")
    decide(place, found, "approve", "anna")
    with pytest.raises(
        UserError, match="stage prod: 2 gates need approvals of as many people, of anna or bert; anna approved"
    ):
        run(place, found, "prod")
    decide(place, found, "approve", "bert")
    decide(place, found, "approve", "anna")
    entry, _failed = run(place, found, "prod")
    by = {entries_of(place, found)[number - 1]["by"] for number in entry["approvals"]}
    assert by == {"anna", "bert"}


@pytest.mark.parametrize("starter", ["anna", "anna@runner-7"])
def test_who_started_the_stages_before_does_not_approve_where_that_is_forbidden(place: Path, starter: str) -> None:
    gate = {"by": ["anna", "bert"], "four_eyes": True}
    found = parsed(stages__prod__gates=[{"approval": gate}])
    run(place, found, "check", by=starter)
    run(place, found, "test")
    words = "stage prod: anna started the stage check, and somebody else must approve it"
    decide(place, found, "deny", "anna", "my own test was wrong")
    with pytest.raises(UserError, match=words):
        decide(place, found, "approve", "anna")
    decide(place, found, "approve", "bert")
    assert run(place, found, "prod")[0]["result"] == "passed"
    decide(place, parsed(stages__prod__gates=[{"approval": {"by": ["anna"]}}]), "approve", "anna")


def test_an_approval_that_was_given_before_it_was_forbidden_does_not_count(place: Path) -> None:
    """Somebody writes into the results what decide would refuse."""
    found = parsed(stages__prod__gates=[{"approval": {"by": ["anna", "bert"], "four_eyes": True}}])
    run(place, found, "check")
    run(place, found, "test", by="anna")
    stage, entries = found.stage("prod"), entries_of(place, found)
    subject = gates.about(stage, gates.stage_results(found, stage, entries), {"config": results.digest_of("config")})
    entry = {
        "kind": "approval",
        "pipeline": "cluster",
        "stage": "prod",
        "decision": "approved",
        "by": "anna",
        "reason": "",
    }
    add(place, found, {**entry, "about": subject})
    with pytest.raises(UserError, match="waits for the approval of bert"):
        run(place, found, "prod")


@pytest.mark.parametrize("change", ["input", "stage"])
def test_an_approval_is_about_what_was_there(place: Path, change: str) -> None:
    (place / "extra").write_text("one\n")
    given = {"stages__prod__gates": [{"approval": {"by": ["anna"]}}], "stages__prod__inputs": ["config", "extra"]}
    found = parsed(**given)
    run(place, found, "check")
    run(place, found, "test")
    decide(place, found, "approve", "anna")
    if change == "input":
        (place / "extra").write_text("two\n")
    else:
        found = parsed(**given, stages__prod__playbooks=["install", "verify"])
    with pytest.raises(UserError, match="waits for the approval of anna"):
        run(place, found, "prod")


def test_a_part_that_the_pipeline_names_no_more_is_still_of_the_release(place: Path) -> None:
    found = parsed(stages__prod__gates=[{"release": {"environment": "test"}}])
    run(place, found, "check")
    run(place, found, "test")
    parts = {"config": results.digest_of("config"), "images": "sha256:other", "collection": "1"}
    add(place, found, {"kind": "release", "pipeline": "cluster", "name": "cluster-1", "parts": parts})
    add(place, found, release.promote(found, entries_of(place, found), "cluster-1", "test", "anna", NOW))
    with pytest.raises(UserError, match="images is not that of the release cluster-1"):
        run(place, found, "prod")


def test_each_gate_has_a_person_of_its_own_where_there_is_a_choice() -> None:
    assert pipeline.distinct([["anna", "bert"], ["anna"]]) == (["bert", "anna"], set())
    assert pipeline.distinct([["anna", "bert"], ["anna"], ["bert", "carl"]]) == (["bert", "anna", "carl"], set())
    assert pipeline.distinct([["carl"], ["anna", "bert"], ["anna", "bert"], ["anna"]]) == ([], {"anna", "bert"})
    many = [f"p{number}" for number in range(40)]
    assert sorted(pipeline.distinct([many] * 40)[0]) == sorted(many)
    assert pipeline.distinct([]) == ([], set())


def test_stages_that_end_at_the_same_moment_are_all_recorded(place: Path) -> None:
    found = parsed()
    sign.load_key(place / "key.pem")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(place, found, {"kind": "begun", "n": number}), range(40)))
    assert sorted(entry["n"] for entry in entries_of(place, found)) == list(range(40))


def test_a_playbook_that_is_not_there_stops_the_stage_before_the_first(place: Path) -> None:
    with pytest.raises(UserError, match=r"stage test: there is no playbook tests/app\.yml in .*; nothing was started"):
        runs.check_playbooks(parsed(stages__test__playbooks=["install", "tests/app.yml"]).stage("test"))
    runs.check_playbooks(parsed().stage("test"))


def test_a_date_is_a_variable_too(place: Path) -> None:
    found = parsed(stages__check__variables={"day": datetime.date(2026, 12, 1)})
    assert run(place, found, "check")[0]["result"] == "passed"


@pytest.mark.parametrize("served", [b"{", b"\xff", None])
def test_results_that_break_off_are_one_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: bytes | None
) -> None:
    class Answer(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            if served is None:
                raise http.client.IncompleteRead(b"{")
            return served

    monkeypatch.setattr(results, "open_url", lambda *args, **kwargs: Answer())
    with pytest.raises(UserError, match=r"http://r/index\.json: "):
        results.read("http://r", None)
    (tmp_path / "index.json").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"index\.json: cannot be read"):
        results.read(str(tmp_path), None)


@pytest.mark.parametrize(("tool", "name"), [("gitlab", "pages"), ("gitlab", "stages"), ("github", "1st")])
def test_a_stage_whose_name_the_tool_keeps_for_itself(tool: str, name: str) -> None:
    content = {"name": "c", "stages": {name: {"playbooks": ["verify"]}}}
    with pytest.raises(UserError, match=f"c.yml: stages.{name}: a job of Git.* cannot have this name"):
        render.TOOLS[tool][1](pipeline.parse(content, "c.yml", PLAYBOOKS))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_is_rendered_has_every_stage_and_its_command(path: Path) -> None:
    found = pipeline.load(str(path), PLAYBOOKS)
    gitlab, github = yaml.safe_load(render.gitlab(found)), yaml.safe_load(render.github(found))
    assert gitlab["stages"] == list(found.stages) and list(github["jobs"]) == list(found.stages)
    made = yaml.safe_load(render.awx(found))["awx"]
    for name, stage in found.stages.items():
        line = render.command(found, stage)
        assert gitlab[name]["script"][-1] == f"{line} -e pipeline_by=$GITLAB_USER_LOGIN"
        assert github["jobs"][name]["steps"][-1]["run"] == f'{line} -e pipeline_by="$GITHUB_ACTOR"'
        aged = any(kind == "age" for kind, _asked in stage.gates)
        assert f"\n{name}:{' '.join(['', *([] if aged else stage.after)])}\n" in render.makefile(found)
        assert line in render.makefile(found)
        assert any(item["name"] == f"{found.name}: {name}" for item in made["job_templates"])
        if render.needs_approval(stage):
            assert gitlab[name]["when"] == "manual" and github["jobs"][name]["environment"]
            steps = next(
                item["steps"] for item in made["workflows"] if item["name"] == f"Pipeline {found.name}: {name}"
            )
            assert [step["template"] for step in steps[:2]] == [
                f"{found.name}: {name}, approved",
                f"{found.name}: {name}",
            ]


@pytest.mark.parametrize(("tool", "schema"), [("gitlab", "vendor.gitlab-ci"), ("github", "vendor.github-workflows")])
def test_what_is_rendered_passes_the_schema_of_its_tool(tmp_path: Path, tool: str, schema: str) -> None:
    pytest.importorskip("check_jsonschema")
    paths = []
    for path in EXAMPLES:
        target = tmp_path / f"{path.stem}.yml"
        target.write_text(render.TOOLS[tool][1](pipeline.load(str(path), PLAYBOOKS)))
        paths.append(str(target))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_stages_recorded_outlives_the_jobs_of_the_tool() -> None:
    found = parsed()
    gitlab, github = yaml.safe_load(render.gitlab(found)), yaml.safe_load(render.github(found))
    assert gitlab["variables"] == {"GIT_CLEAN_FLAGS": "-ffdx -e results/"} and gitlab["test"]["artifacts"]
    assert gitlab["test"]["needs"] == [{"job": "check", "artifacts": False}]
    assert github["jobs"]["test"]["steps"][0]["with"] == {"clean": False}
    shared = yaml.safe_load(render.gitlab(parsed(results="/data/results")))
    assert "variables" not in shared and "artifacts" not in shared["test"], "such a path can be no artifact"


def test_who_approves_is_who_the_tool_let_decide() -> None:
    found = parsed(stages__prod__triggers=[])
    job = yaml.safe_load(render.github(found))["jobs"]["prod"]
    assert 'any(.environments[]; .name == "prod")' in job["steps"][1]["run"] and job["permissions"]["actions"] == "read"
    assert 'pipeline_by="$REVIEWER"' in job["steps"][1]["run"] and "${{ github.run_id }}" in job["steps"][1]["run"]
    templates = yaml.safe_load(render.awx(found))["awx"]["job_templates"]
    approved = next(item for item in templates if item["name"] == "cluster: prod, approved")
    assert "pipeline_by" not in approved["extra_vars"] and "ask" not in approved, "AWX gives awx_user_name"


def test_make_reads_the_makefile(tmp_path: Path) -> None:
    found = parsed(stages__prod__gates=[{"approval": {"by": ["anna"]}}])
    (tmp_path / "Makefile").write_text(render.makefile(found))
    done = subprocess.run(["make", "-n", "prod", "BY=anna"], cwd=tmp_path, capture_output=True, text=True, check=True)
    stages = re.findall(r"pipeline_stage=(\w+)", done.stdout)
    assert stages == ["check", "test", "prod", "prod"] and "pipeline_by=anna" in done.stdout
    # Another run of the stages before would make their results young again, so that the gate never opens.
    (tmp_path / "Makefile").write_text(render.makefile(parsed()))
    done = subprocess.run(["make", "-n", "prod", "BY=anna"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.findall(r"pipeline_stage=(\w+)", done.stdout) == ["prod", "prod"]


def test_the_playbook_runs_a_stage_and_refuses_the_next(tmp_path: Path) -> None:
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "{{ word }}"}}]}]
    (tmp_path / "own.yml").write_text(json.dumps(play))
    stages = {
        "first": {"playbooks": [str(tmp_path / "own.yml")], "variables": {"word": "SEEN"}},
        "second": {
            "after": ["first"],
            "gates": [{"approval": {"by": ["anna"]}}],
            "playbooks": [str(tmp_path / "own.yml")],
            "variables": {"word": "again"},
        },
    }
    (tmp_path / "pipeline.yml").write_text(
        yaml.safe_dump({"name": "own", "results": str(tmp_path / "results"), "stages": stages})
    )
    given = ["-e", f"pipeline={tmp_path}/pipeline.yml", "-e", f"pipeline_key={tmp_path}/key.pem"]

    def start(stage: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = ["ansible-playbook", "-i", "localhost,", "-c", "local", str(ROOT / "playbooks/pipeline.yml"), *given]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.run(
            [*command, "-e", f"pipeline_stage={stage}", *more],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    done = start("first")
    assert done.returncode == 0, done.stdout
    assert "SEEN" in (tmp_path / "results/00001-first/own.log").read_text()
    refused = start("second")
    assert refused.returncode == 2 and "stage second: waits for the approval of anna" in " ".join(
        refused.stdout.split()
    )
    # A job of AWX, with an empty answer to the question who approves.
    approve = ("-e", "pipeline_approval=approve", "-e", "pipeline_by=", "-e")
    other = start("second", *approve, "awx_user_name=bert")
    assert other.returncode == 2 and "approver (pipeline_by) bert is not defined" in other.stdout, other.stdout
    approved = start("second", *approve, "awx_user_name=anna")
    assert approved.returncode == 0 and start("second").returncode == 0, approved.stdout


MADE_OF = {
    "stack nodes": "serial 7 of 3f2a",
    "image of pool web": "host-node-1",
    "artifact nomad": "1.11.3 sha256:ab",
    "configuration": "sha256:cd",
}


def recorded(place: Path, found: pipeline.Pipeline, **images: str) -> results.Entry:
    """The release of what passed."""
    parts = {"config": results.digest_of("config"), "collection": "1"}
    return add(place, found, release.record(found, entries_of(place, found), parts, NOW, images or None))


def passed_test(place: Path, found: pipeline.Pipeline, **changes: str) -> None:
    """The stages before production, on a cluster that is made of this."""
    verified(place, **{**MADE_OF, **{name.replace("_", " "): value for name, value in changes.items()}})
    run(place, found, "check")
    assert run(place, found, "test")[0]["result"] == "passed"


def test_a_release_has_all_that_was_tested_together(place: Path) -> None:
    found = parsed()
    passed_test(place, found)
    first = recorded(place, found, **{"host-node-1": "sha256:ef"})
    assert first["made_of"] == MADE_OF and first["images"] == {"host-node-1": "sha256:ef"}
    passed_test(place, found, image_of_pool_web="host-node-2")
    second = recorded(place, found, **{"host-node-1": "sha256:ef", "host-node-2": "sha256:01"})
    assert second["name"] == "cluster-2", "another image is another release"
    assert release.difference(release.contents(first), release.contents(second)) == {
        "image of pool web": ("host-node-1", "host-node-2"),
        "image host-node-1": ("sha256:ef", ""),
        "image host-node-2": ("", "sha256:01"),
    }
    passed_test(place, found, image_of_pool_web="host-node-3")
    with pytest.raises(UserError, match="image host-node-3, which the stage test was passed with, is in no channel"):
        recorded(place, found, **{"host-node-1": "sha256:ef"})


def test_two_environments_differ_in_what_runs_there(place: Path) -> None:
    found = parsed(stages__prod__gates=[{"release": {"environment": "prod"}}])
    passed_test(place, found)
    name = recorded(place, found)["name"]
    for environment in ("test", "prod"):
        add(place, found, release.promote(found, entries_of(place, found), name, environment, "anna", NOW))
    verified(place, **{**MADE_OF, "stack nodes": "serial 40 of 77aa"})
    assert run(place, found, "prod")[0]["result"] == "passed"
    both = [release.of_environment(found, entries_of(place, found), each) for each in ("test", "prod")]
    assert release.difference(*both) == {"stack nodes": ("serial 7 of 3f2a", "serial 40 of 77aa")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"image of pool web": "host-node-2"},
            "image host-node-2 runs in prod, but the release cluster-1 was tested with host-node-1",
        ),
        (
            {"image of managers": "none"},
            "image none runs in prod, but the release cluster-1 was tested with host-node-1",
        ),
        (
            {"artifact nomad": "1.11.4 sha256:ab"},
            "artifact nomad 1.11.4 sha256:ab runs in prod, but .* tested with 1.11.3 sha256:ab",
        ),
        (
            {"artifact cni": "1.9.1 sha256:22"},
            "artifact cni 1.9.1 sha256:22 runs in prod, but the release cluster-1 was tested with none",
        ),
    ],
)
def test_what_runs_at_the_end_must_be_what_was_tested(place: Path, changes: dict[str, str], words: str) -> None:
    found = parsed(stages__prod__gates=[{"release": {"environment": "prod"}}])
    passed_test(place, found)
    name = recorded(place, found)["name"]
    for environment in ("test", "prod"):
        add(place, found, release.promote(found, entries_of(place, found), name, environment, "anna", NOW))
    verified(place, **{**MADE_OF, **changes})
    entry, failed = run(place, found, "prod")
    assert entry["result"] == "failed" and re.search(words, failed), failed
    verified(place, **MADE_OF, **{"image of pool batch": "host-node-1"})
    assert run(place, found, "prod")[0]["result"] == "passed", "another pool of the same image was tested"


def test_a_report_that_cannot_be_read_fails_the_stage(place: Path) -> None:
    (place / "made-of").write_text("{")
    entry, failed = run(place, parsed(), "check")
    assert entry["result"] == "failed" and "not a report of verify" in failed and "made_of" in entry


def test_each_playbook_of_a_stage_has_its_log(place: Path) -> None:
    found = parsed(stages__check__playbooks=["offline", "offline"], stages__check__cleanup=["offline"])
    entry, _failed = run(place, found, "check")
    logs = sorted(path.name for path in (place / "results" / entry["folder"]).glob("*.log"))
    assert logs == ["offline-2.log", "offline-3.log", "offline.log"]


def test_what_applying_a_stack_leaves_is_no_other_input(place: Path) -> None:
    (place / "stacks/nodes/.terraform/providers").mkdir(parents=True)
    (place / "stacks/nodes/main.tf").write_text("resource {}\n")
    before = results.digest_of("stacks")
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "tfplan", ".terraform/providers/x"):
        (place / "stacks/nodes" / name).write_text("x")
    assert results.digest_of("stacks") == before
    assert results.digest_of("stacks/nodes/terraform.tfstate") != before, "a state that is named is an input"
    (place / "stacks/nodes/main.tf").write_text("resource {x}\n")
    assert results.digest_of("stacks") != before


def test_examples_that_play_on_a_part_of_the_cluster_choose_it_first() -> None:
    """The groups of parts are made by that: without it such a play has no hosts, is skipped, and a stage passes that tried nothing."""
    found = 0
    for path in sorted((ROOT / "examples").rglob("*.yml")):
        plays = yaml.safe_load(path.read_text())
        plays = plays if isinstance(plays, list) else []
        chosen = False
        for play in plays:
            chosen = chosen or "keelson.cluster." in str(play.get("ansible.builtin.import_playbook", ""))
            if str(play.get("hosts", "")).startswith("cluster_part_"):
                found += 1
                assert chosen, f"{path}: import keelson.cluster.cluster_select first"
    assert found > 4
