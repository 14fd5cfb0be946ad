# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of good, bad and half-dead runs: judged rightly, escaped everywhere, drawn whole."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.keelson.cluster.plugins.action import report as action
from ansible_collections.keelson.cluster.plugins.module_utils.checks.model import Check
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.pages import drawing
from ansible_collections.keelson.cluster.plugins.plugin_utils.report import junit, model, page

EVIL = "<script>alert(1)</script>&\"'\x00"
REGISTERS = ["verify_host", "verify_cluster"]


def check(kind: str = "service", passed: bool = True, **changes: Any) -> Check:
    """A check."""
    found: Any = {"check": kind, "title": "It works", "host": "", "target": "", "passed": passed, "evidence": "seen"}
    return {**found, "remedy": "" if passed else "mend it", "seconds": 0.5, **changes}


def hostvars(**results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Three hosts; what each registered under verify_host."""
    common = {
        "cluster_name": "product",
        "cluster_engine": "nomad",
        "cluster_environment": "prod",
        "cluster_networks": {"a": "10.0.0.0/24", "b": "10.0.1.0/24"},
    }
    parts = {"m1": ("manager", "", "10.0.0.1"), "w1": ("node", "web", "10.0.1.1"), "w2": ("node", "web", "10.0.1.2")}
    good = {"checks": [check()]}
    return {
        name: {
            **common,
            "cluster_part": part,
            "cluster_pool": pool,
            "cluster_address": address,
            "verify_host": results.get(name, good),
        }
        for name, (part, pool, address) in parts.items()
    }


def read(**results: dict[str, Any]) -> model.Report:
    """The report of a run."""
    known = hostvars(**results)
    return action.read_report(known, list(known), REGISTERS)


def test_all_good() -> None:
    report = read()
    assert report.passed and [c["host"] for c in report.checks] == ["m1", "w1", "w2"]
    assert [host.network for host in report.hosts] == ["a", "b", "b"]


def test_one_bad() -> None:
    report = read(w1={"checks": [check(passed=False)]})
    assert not report.passed and report.troubled() == {"w1"}


def test_a_dead_host_is_a_failed_check() -> None:
    report = read(w1={"unreachable": True, "msg": "No route to host"})
    assert [(c["check"], c["host"], c["evidence"]) for c in report.failed] == [("reachable", "w1", "No route to host")]
    assert [host.reachable for host in report.hosts] == [True, False, True]
    assert "did not answer" in page.render(report)


def test_a_failed_task_is_a_failed_check() -> None:
    report = read(w1={"failed": True, "msg": "MODULE FAILURE", "module_stderr": "boom"})
    assert [(c["check"], c["evidence"]) for c in report.failed] == [("task", "MODULE FAILURE boom")]


def test_skipped_and_other_tasks_are_none() -> None:
    report = read(w1={"skipped": True}, w2={"changed": True, "versions": {}})
    assert report.passed and len(report.checks) == 1


def test_nothing_checked_is_not_passed() -> None:
    report = read(m1={"skipped": True}, w1={"skipped": True}, w2={"skipped": True})
    assert not report.passed and "Nothing was checked" in page.render(report)


@pytest.mark.parametrize("value", ["true", 1, None, "False"])
def test_only_true_is_passed(value: Any) -> None:
    assert not read(w1={"checks": [check(passed=value, remedy="")]}).passed


def test_the_host_asked_about_is_the_troubled_one() -> None:
    about = check("plaintext", False, target="w2 10.0.1.2:4646")
    assert read(m1={"checks": [about]}).troubled() == {"w2"}
    assert read(m1={"checks": [check("sample_update", False, target="sample application")]}).troubled() == set()


def evil() -> model.Report:
    """A report in which every text is hostile."""
    bad = check("service", False, title=EVIL, target=EVIL, evidence=EVIL, remedy=EVIL)
    hosts = (model.HostRow(EVIL, "node", EVIL, EVIL, EVIL, True), model.HostRow(EVIL, "manager", EVIL, EVIL, "", False))
    instance = {"id": EVIL, "host": EVIL, "address": EVIL, "port": EVIL, "moved": False}
    checks = ({**bad, "host": EVIL}, {**bad, "passed": True})
    return model.Report(EVIL, EVIL, EVIL, EVIL, "now", hosts, {EVIL: EVIL}, checks, (instance,))  # type: ignore[arg-type]


def test_html_is_escaped_and_self_contained() -> None:
    text = page.render(evil())
    assert "<script" not in text
    assert not re.search(r"(src|href)=|url\(|@import", text)


def test_html_is_well_formed() -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: Any) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(page.render(evil()))
    assert reader.open == []


def test_drawing_is_xml_with_every_host_inside() -> None:
    ElementTree.fromstring(drawing.draw(page.bands(evil()), EVIL).replace("\x00", ""))
    hosts = tuple(model.HostRow(f"n{i}", "node", f"p{i % 7}", f"10.0.0.{i}", "a", True) for i in range(60))
    many = model.Report("c", "nomad", "", "", "now", hosts, {"a": "10.0.0.0/24"}, (), ())
    root = ElementTree.fromstring(drawing.draw(page.bands(many), ""))
    _x, _y, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [
        r for g in root.iter("{http://www.w3.org/2000/svg}g") if "host" in g.attrib["class"].split() for r in g[:1]
    ]
    assert len(boxes) == 60
    corners = {(float(b.attrib["x"]), float(b.attrib["y"])) for b in boxes}
    assert len(corners) == 60, "hosts lie upon each other"
    for box in boxes:
        assert float(box.attrib["x"]) + float(box.attrib["width"]) <= width
        assert float(box.attrib["y"]) + float(box.attrib["height"]) <= height


def test_instances_are_drawn_where_they_ran() -> None:
    ran = {"id": "i1", "host": "w1", "address": "10.0.1.1", "port": 25000}
    report = read(m1={"checks": [check()], "instances": [ran]})
    assert drawing.draw(page.bands(report), "").count('class="instance"') == 1
    assert "instance i1 at 10.0.1.1:25000" in drawing.draw(page.bands(report), "")


def test_instances_that_moved_are_drawn_in_both_places() -> None:
    def at(host: str, name: str) -> dict[str, Any]:
        return {"id": name, "host": host, "address": "10.0.1.1", "port": 1}

    ran = {"checks": [check()], "left": [at("w1", "a"), at("w2", "b")], "instances": [at("w2", "b"), at("w2", "c")]}
    report = read(m1=ran)
    assert [(i["id"], i["moved"]) for i in report.instances] == [("a", True), ("b", False), ("c", False)]
    assert drawing.draw(page.bands(report), "").count('class="instance moved"') == 1


def test_junit() -> None:
    root = ElementTree.fromstring(junit.render(read(w1={"checks": [check(passed=False)]})))
    suite = root.find("testsuite")
    assert suite is not None and (suite.get("tests"), suite.get("failures")) == ("3", "1")
    failure = root.find(".//failure")
    assert failure is not None and failure.get("message") == "seen" and "mend it" in (failure.text or "")
    ElementTree.fromstring(junit.render(evil()))


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        ("sample_update", "Sample application"),
        ("gossip", "Endpoints locked down"),
        ("node", "Cluster"),
        ("autopilot", "Cluster"),
        ("dashboard", "Endpoints locked down"),
        ("new", "Other"),
    ],
)
def test_groups(kind: str, group: str) -> None:
    report = dataclasses.replace(read(), groups=model.groups(components.known().values()))
    assert report.group_of(kind) == group


def test_files_are_written(tmp_path: Path) -> None:
    paths = action.write(read(), str(tmp_path / "a" / "b"))
    data = json.loads(Path(paths["json"]).read_text())
    assert data["passed"] is True and data["counts"] == {"checks": 3, "failed": 0} and len(data["hosts"]) == 3
    assert {Path(path).name for path in paths.values()} == {"report.json", "junit.xml", "report.html"}


def test_of_a_cluster_that_is_down_the_log_shows_the_beginning() -> None:
    text = action.failures(read(m1={"checks": [check(passed=False)] * 40}))
    assert "… and 15 more" in text and text.count("mend it") == action.SHOWN


def test_what_the_cluster_is_made_of() -> None:
    """Stacks by their serial, images by pool, artifacts by digest, and one digest of the configuration."""
    known = hostvars()
    for name, variables in known.items():
        image = f"host-node-{1 if name == 'w1' else 2}" if name != "m1" else ""
        artifacts = {"nomad": "1.11.3 sha256:ab", **({"cni": f"{name} sha256:cd"} if name != "m1" else {})}
        stack = {"name": "nodes" if name != "m1" else "managers", "serial": 7, "lineage": "3f2a"}
        variables.update(stack=stack, host_node_nomad_raw_exec=False, cluster_manager_certificate_days=30)
        variables["verify_host"] = {"checks": [check()], "made_of": {"image": image, "artifacts": artifacts}}
    told = action.read_report(known, list(known), REGISTERS).as_data()["made_of"]
    assert told["stack nodes"] == told["stack managers"] == "serial 7 of 3f2a"
    assert told["image of pool web"] == "host-node-1, host-node-2" and told["image of managers"] == "none"
    assert told["artifact nomad"] == "1.11.3 sha256:ab" and told["artifact cni"] == "w1 sha256:cd, w2 sha256:cd"
    configuration = told["configuration"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", configuration)
    known["m1"]["cluster_name"] = "another"
    known["w1"]["cluster_address"] = known["w1"]["ansible_host"] = "10.0.9.9"
    del known["w1"]["verify_host"]["made_of"]
    told = action.read_report(known, list(known), REGISTERS).made_of
    assert told["configuration"] == configuration, "where and what a cluster is called is no configuration"
    assert told["image of pool web"] == "host-node-2"
    known["w1"]["host_node_nomad_raw_exec"] = True
    assert action.read_report(known, list(known), REGISTERS).made_of["configuration"] != configuration


def test_a_variable_that_has_no_value_here_is_no_fault_of_the_report() -> None:
    class Templated(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            if key == "host_node_labels":
                raise ValueError("'site' is undefined")
            return super().__getitem__(key)

    known: Any = {
        name: Templated({**variables, "host_node_labels": 1, "stack": "mine"}) for name, variables in hostvars().items()
    }
    assert action.read_report(known, list(known), REGISTERS).made_of["configuration"] != read().made_of["configuration"]


def test_hosts_of_no_stack_and_a_report_of_no_hosts() -> None:
    assert set(read().made_of) == {"configuration"}
