# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade is planned from, and which version a host keeps."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.bundle import install
from ansible_collections.keelson.cluster.plugins.module_utils.host import switch
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import versions
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.errors import BundleError
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight.model import Cluster
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade import read
from ansible_collections.keelson.cluster.plugins.plugin_utils.upgrade.plan import PlanError

sys.path.append(str(Path(__file__).parents[1] / "preflight"))
from preflight_world import cluster, with_facts

OLD, NEW = "1.10.5", "1.11.3"


def test_targets_are_those_of_the_manifests_and_the_asked_version() -> None:
    found = read.targets(cluster(), OLD)
    assert found["manager"] == {"nomad": OLD} and found["node"]["nomad"] == OLD and "pause" in found["node"]
    with pytest.raises(BundleError, match=r"has no version 9\.9"):
        read.targets(cluster(), "9.9")


def test_an_engine_without_the_tasks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in components.engines():
        read.check_steps(replace(cluster(), engine=components.engine(engine)))
    monkeypatch.setattr(read, "tasks", lambda *_arguments: ["/no/such/tasks/upgrade.yml"])
    with pytest.raises(PlanError, match="upgrades no cluster of engine nomad"):
        read.check_steps(cluster())


def test_a_bundle_that_lacks_a_version() -> None:
    found = with_facts(cluster(), "m1", artifacts={"nomad": OLD})
    desired = read.targets(found, NEW)
    with pytest.raises(PlanError, match=r'/b lacks nomad=1\.11\.3: fill it .*\["nomad=1\.11\.3"\]'):
        read.check_bundle(found, ["m1"], desired, {"artifacts": {}}, "/b")
    index = {"artifacts": {"nomad": {NEW: {"amd64": {}}}}}
    read.check_bundle(found, ["m1"], desired, index, "/b")
    assert read.requests(found, ["m1"], desired) == {"m1": {"nomad": [f"nomad={NEW}"]}}


def member(name: str, part: str = "node", **more: Any) -> dict[str, Any]:
    return {"name": name, "part": part, "status": "ready", "version": OLD, **more}


def told(*members: dict[str, Any], engine: str = "nomad", by: str = "m2") -> Cluster:
    """A cluster of whose managers that one tells the members, and is in the run or left out of it."""
    found = replace(cluster(), engine=components.engine(engine))
    return with_facts(found, by, members=list(members)) if by else replace(found, told=("m3", list(members)))


@pytest.mark.parametrize(("by", "asked"), [("m2", "m2"), ("", "m3")])
def test_a_manager_is_asked_that_answers_also_where_the_run_leaves_it_out(by: str, asked: str) -> None:
    found = told(member("m1", "manager", status="failed"), member("m2", "manager", status="alive"), member("w1"), by=by)
    assert read.acting_manager(found) == asked and read.live_managers(found) == ["10.0.0.12"]
    assert read.acting_manager(cluster()) == "" and read.live_managers(cluster()) == []


def test_host_nodes_of_no_inventory_are_named() -> None:
    found = told(
        member("w1"), member("u1"), member("u2", version=NEW), member("u3", status="down"), member("u4", version="")
    )
    assert read.check_others(found, NEW) == [
        f"u1 is not in the inventory and keeps {OLD}; take it in, or have a new server made of a new image"
    ]


@pytest.mark.parametrize(
    ("engine", "has", "to"),
    [("nomad", "1.8.4", "1.11.3"), ("kubernetes", "v1.32.9", "1.36.3")],
    ids=["nomad", "kubernetes"],
)
def test_a_host_node_of_no_inventory_that_is_too_old_for_the_managers(engine: str, has: str, to: str) -> None:
    with pytest.raises(
        PlanError, match=r"^u1, which is not in the inventory, runs 1\.\d+\.\d: managers of .* behind at most"
    ):
        read.check_others(told(member("u1", version=has), engine=engine), to)
    first, minor, patch = has.split(".")
    assert read.check_others(told(member("u1", version=f"{first}.{int(minor) + 1}.{patch}"), engine=engine), to)


def variables(**more: Any) -> dict[str, Any]:
    return {"cluster_engine": "nomad", "cluster_name": "product", **more}


def facts(version: str) -> dict[str, Any]:
    return {"ansible_facts": {"keelson": {"artifacts": {"nomad": version}}}}


def test_which_version_a_host_keeps() -> None:
    managers = {"groups": {"product_managers": ["m1", "m2"]}, "hostvars": {"m1": facts(NEW), "m2": facts(OLD)}}
    told = {"__cluster_leased": {"results": [{}, {"artifacts": {"nomad": OLD}}]}}
    assert versions.kept("nomad", variables()) == ""
    assert versions.kept("nomad", variables(cluster_nomad_version=OLD)) == OLD
    assert versions.kept("pause", variables(cluster_nomad_version=OLD)) == ""
    assert versions.kept("nomad", variables(**managers)) == OLD
    assert versions.kept("nomad", variables(**told, cluster_nomad_version=NEW)) == OLD
    assert versions.kept("nomad", variables(**managers, **facts(NEW))) == NEW
    assert versions.kept("nomad", variables(**facts(OLD), cluster_upgrade_versions={"nomad": NEW})) == NEW


def test_links_lead_to_another_version_and_only_to_a_whole_one(tmp_path: Path) -> None:
    for version in (OLD, NEW):
        folder = tmp_path / "nomad" / version
        folder.mkdir(parents=True)
        (folder / "nomad").write_text(version)
        files = [{"path": "nomad", "mode": "0755", "size": 6, "digest": "sha256:0"}]
        install.note(folder, {"name": "nomad", "version": version, "files": files, "images": [], "links": {}})
    (tmp_path / "nomad" / "current").symlink_to(OLD)
    assert install.in_use(tmp_path) == {"nomad": OLD}
    links = switch.due({"nomad": NEW, "absent": "1"}, tmp_path)
    switch.switch(links)
    assert (tmp_path / "nomad" / "current" / "nomad").read_text() == NEW
    assert switch.due({"nomad": NEW}, tmp_path) == {}
    (tmp_path / "nomad" / OLD / "nomad").unlink()
    with pytest.raises(switch.SwitchError, match=r"is not whole \(nomad\); run upgrade again"):
        switch.due({"nomad": OLD}, tmp_path)
