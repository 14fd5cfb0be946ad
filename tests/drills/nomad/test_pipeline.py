# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release from its change to production: tested, recorded, promoted, approved, and rolled out while requests go on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab.applications import HELLO
from lab.nomad_load import Load, asked
from lab.runs import ROOT, Run
from lab.servers import Lab

APP: dict[str, Any] = {**HELLO, "environments": {"test": {"instances": 1}, "prod": {}}}


#: The application's own tests.
TESTS = ROOT / "examples/apps/sample/tests.yml"


class Delivery:
    """A pipeline of an application with two environments on one cluster, in a folder of its own."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.app, self.placement = folder / "hello.yml", folder / "placement.yml"
        both = ["test", "prod"]
        runs = [{"environment": name, "cluster": lab.name, "pool": "web"} for name in both]
        pools = {pool: {} for pool in ("web", "batch", "burst")}
        cluster = {"engine": lab.engine, "environments": both, "pools": pools}
        placed = {"team": "shop", "environments": both, "regimes": ["pci"], "runs": runs}
        regime = {"exclusive": False, "controls": {"1.2": ["listeners"]}}
        content = {
            "environments": {name: {} for name in both},
            "regimes": {"pci": regime},
            "teams": {"shop": {}},
            "clusters": {lab.name: {**cluster, "pools": {pool: {"regimes": ["pci"]} for pool in pools}}},
            "applications": {"hello": placed},
        }
        self.placement.write_text(yaml.safe_dump(content))
        self.variables = {"cluster_placement": str(self.placement)}
        deployed = {"deploy": str(self.app), "cluster_lease_wait": 120}
        inputs = [str(self.app)]
        stages = {
            "check": {"playbooks": ["placement"], "variables": {"placement": str(self.placement)}, "inputs": inputs},
            "test": {
                "after": ["check"],
                "environment": "test",
                "playbooks": ["deploy"],
                "variables": {**deployed, "deploy_environment": "test"},
                "inputs": inputs,
            },
            "prod": {
                "after": ["test"],
                "environment": "prod",
                "gates": [{"approval": {"by": ["anna"]}}, {"release": {"environment": "prod"}}],
                "playbooks": ["deploy"],
                "variables": {**deployed, "deploy_environment": "prod"},
                "inputs": inputs,
            },
        }
        release = {"passed": "test", "environments": both, "parts": inputs}
        pipeline = {"name": "hello", "results": str(folder / "results"), "release": release, "stages": stages}
        (folder / "pipeline.yml").write_text(yaml.safe_dump(pipeline))
        update = {"playbooks": ["install"], "environment": "test", "triggers": ["hello-tests:fresh"]}
        update["variables"] = {"cluster_lease_wait": 120}
        self._pipeline("cluster", {"update": update})
        # Instances that run already would go on as they were started.
        fresh = {**stages["test"], "after": [], "playbooks": ["deploy", str(TESTS)], "cleanup": ["deploy"]}
        self._pipeline("hello-tests", {"fresh": {**fresh, "cleanup_variables": {"deploy_state": "absent"}}})

    def _pipeline(self, name: str, stages: dict[str, Any]) -> None:
        content = {"name": name, "results": str(self.folder / "results"), "stages": stages}
        (self.folder / f"{name}.yml").write_text(yaml.safe_dump(content))

    def write(self, number: int) -> None:
        """A change of the application."""
        self.app.write_text(yaml.safe_dump({**APP, "variables": {"LISTEN": ":8080", "RELEASE": str(number)}}))

    def play(self, playbook: str, code: int = 0, environment: dict[str, str] | None = None, **given: str) -> Run:
        """Run one of the playbooks of pipelines."""
        given = {"pipeline": f"{self.folder}/pipeline.yml", "pipeline_key": f"{self.folder}/key.pem", **given}
        return self.lab.play(
            playbook, "-e", json.dumps(given), variables=self.variables, environment=environment
        ).expect(code)

    def stage(self, name: str, code: int = 0, **given: str) -> str:
        """Run a stage, or decide about it; what was told, with every run of spaces as one."""
        return self.play("pipeline", code, pipeline_stage=name, **given).words()

    def update(self, docker: dict[str, Any]) -> list[str]:
        """A change of the cluster by its own pipeline; the stages that this one triggers."""
        self.variables["host_node_docker_config"] = docker
        environment = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}
        done = self.play(
            "pipeline", pipeline=f"{self.folder}/cluster.yml", pipeline_stage="update", environment=environment
        )
        return re.findall(r"[a-z-]+:[a-z-]+", done.output.partition("pipeline_triggers")[2].partition("]")[0])

    def release(self, action: str, code: int = 0, **given: str) -> str:
        return self.play("release", code, release_action=action, **given).words()

    def running(self, environment: str) -> set[str]:
        """Releases of the instances that run in an environment."""
        space = f"namespace=shop-{environment}-web"
        job = self.lab.driver.ask(self.lab, f"/v1/job/hello?{space}")
        return {job["TaskGroups"][0]["Tasks"][0]["Env"]["RELEASE"]}


@pytest.fixture(name="delivery")
def _delivery(cluster: Lab, tmp_path: Path) -> Iterator[Delivery]:
    made = Delivery(cluster, tmp_path)
    made.write(1)
    cluster.play("install", variables=made.variables).expect()
    yield made
    for name in ("test", "prod"):
        given = ("-e", f"deploy={made.app}", "-e", f"deploy_environment={name}", "-e", "deploy_state=absent")
        cluster.play("deploy", *given, variables=made.variables).expect()
    cluster.play("install", variables={"cluster_namespaces": []}).expect()


def promoted(delivery: Delivery, name: str) -> None:
    """A release in both environments, tested, approved."""
    delivery.stage("check")
    delivery.stage("test")
    delivery.release("record")
    for environment in ("test", "prod"):
        delivery.release("promote", release_name=name, release_environment=environment)


def test_a_change_on_its_way_to_production(delivery: Delivery) -> None:
    promoted(delivery, "hello-1")
    assert "waits for the approval of anna" in delivery.stage("prod", 2)
    delivery.stage("prod", pipeline_approval="approve", pipeline_by="anna")
    delivery.stage("prod")
    assert delivery.running("prod") == {"1"}

    delivery.write(2)
    assert "has changed since the stage" in delivery.stage("test", 2)
    promoted(delivery, "hello-2")
    assert delivery.running("test") == {"2"} and delivery.running("prod") == {"1"}
    delivery.stage("prod", pipeline_approval="deny", pipeline_by="anna", pipeline_reason="not on a Friday")
    assert "anna denied it (not on a Friday); nothing was started" in delivery.stage("prod", 2)
    delivery.stage("prod", pipeline_approval="approve", pipeline_by="anna")
    with asked(Load(delivery.lab, "hello", "shop-prod-web"), 2) as asking:
        delivery.stage("prod")
    assert asking.failed == [] and asking.asked > 200, (asking.asked, asking.failed[:5])
    assert delivery.running("prod") == {"2"}
    print(f"requests: {asking.asked}, failed: {len(asking.failed)}")

    output = delivery.folder / "evidence.json"
    given = {"placement": str(delivery.placement), "release_regime": "pci", "release_evidence": str(output)}
    delivery.release("evidence", **given)
    entries = json.loads(output.read_text())["entries"]
    decisions = [entry["decision"] for entry in entries if entry["kind"] == "approval"]
    assert decisions == ["approved", "denied", "approved"]


def test_a_change_of_the_cluster_is_tried_with_its_applications(delivery: Delivery) -> None:
    """The cluster is well after both changes, and passes its own checks; only the application's tests tell them apart."""
    fresh = {"pipeline": f"{delivery.folder}/hello-tests.yml"}
    assert delivery.update({"log-opts": {"max-file": "2"}}) == ["hello-tests:fresh"]
    delivery.stage("fresh", **fresh)
    limit = {"Name": "nofile", "Soft": 16, "Hard": 16}
    assert delivery.update({"default-ulimits": {"nofile": limit}}) == ["hello-tests:fresh"]
    delivery.lab.play("verify", variables=delivery.variables).expect()
    refused = delivery.stage("fresh", 2, **fresh)
    assert "tests.yml failed" in refused and "of 40 clients at once some got no answer" in refused, refused
    delivery.update({})
    delivery.stage("fresh", **fresh)
