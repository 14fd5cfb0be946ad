# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the server image on its way to production, on the local stacks: a test cluster of its own that is gone again, a new release
record, an approval, and production's servers made anew one after another while requests go on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from lab import runs
from lab.applications import HELLO
from lab.nomad_load import Load, asked
from lab.published import forget, published
from lab.runs import ROOT
from lab.servers import NAME, OWN_BLOCKS, Lab

#: The stacks' code calls tools/hosts by a path relative to its folder.
FOLDER = ROOT / "build" / "delivery"
STACKS = ("network", "managers", "nodes")
PLAYBOOKS = ROOT / "examples" / "stacks" / "delivery"
ENVIRONMENTS = ("test", "prod")
IMAGES = ("host-node-nomad-drill-1", "host-node-nomad-drill-2")


class Delivery:
    """A pipeline of a cluster with two environments, each with stacks of its own."""

    def __init__(self) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        self.images, self.app, self.key = FOLDER / "images", FOLDER / "hello.yml", FOLDER / "data/keelson/image.pem"
        self.labs = {
            name: Lab(f"{NAME}{name}", ("m1",), "nomad", block)
            for name, block in zip(ENVIRONMENTS, OWN_BLOCKS, strict=True)
        }
        for name, lab in self.labs.items():
            shutil.copytree(
                ROOT / "examples/stacks/local",
                FOLDER / name,
                ignore=shutil.ignore_patterns("*.tfstate*", ".terraform*"),
            )
            (FOLDER / f"{name}.stacks.yml").write_text(yaml.safe_dump(_stacks(name, lab)))
        self.app.write_text(yaml.safe_dump({**HELLO, "variables": {"LISTEN": ":8080", "RELEASE": "1"}}))
        (FOLDER / "pipeline.yml").write_text(yaml.safe_dump(self._pipeline()))

    def _pipeline(self) -> dict[str, Any]:
        inputs = [
            str(self.images / "channels.json"),
            str(self.app),
            *(str(FOLDER / "test" / stack) for stack in STACKS),
        ]
        shared = {
            "stack_images": str(self.images),
            "stack_channel": "candidate",
            "stack_pool": "web",
            "deploy": str(self.app),
        }
        stages = {
            name: {
                "environment": name,
                "inventory": [str(FOLDER / f"{name}.stacks.yml")],
                "playbooks": [
                    str(PLAYBOOKS / "changeover.yml"),
                    "install",  # which brings the application's image to the new servers, too
                    str(PLAYBOOKS / "changeover_end.yml"),
                    *("deploy", "verify"),
                ],
                "variables": {
                    **shared,
                    "stack_tool": shutil.which("terraform") or shutil.which("tofu"),
                    "stack_folders": [str(FOLDER / name / stack) for stack in STACKS],
                    "stack_variables": {
                        "name": lab.name,
                        "block": lab.subnet,
                        "managers": {"m1": 11},
                        "web": 1,
                        "batch": 0,
                    },
                    "verify_sample_application": name == "test",
                },
                "inputs": inputs,
            }
            for name, lab in self.labs.items()
        }
        stages["test"] |= {"cleanup": [str(PLAYBOOKS / "apply.yml")], "cleanup_variables": {"stack_state": "absent"}}
        stages["prod"] |= {
            "after": ["test"],
            "gates": [{"release": {"environment": "prod"}}, {"approval": {"by": ["anna"], "four_eyes": True}}],
        }
        release = {"passed": "test", "environments": list(ENVIRONMENTS), "parts": inputs, "images": str(self.images)}
        return {"name": "cluster", "results": str(FOLDER / "results"), "release": release, "stages": stages}

    def play(self, playbook: str, code: int = 0, **given: str) -> str:
        """Run one of the playbooks of pipelines; what was told, with every run of spaces as one."""
        given = {"pipeline": f"{FOLDER}/pipeline.yml", **given}
        arguments = [part for name, value in given.items() for part in ("-e", f"{name}={value}")]
        command = ["ansible-playbook", "-i", "localhost,", f"keelson.cluster.{playbook}", *arguments]
        environment = {
            "XDG_DATA_HOME": str(FOLDER / "data"),
            "TF_CLI_CONFIG_FILE": "/dev/null",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "false",  # at first there is no state to read
        }
        done = runs.run(command, FOLDER / "run.jsonl", environment, timeout=2400)
        return " ".join(done.expect(code).output.split())

    def stage(self, name: str, code: int = 0, **given: str) -> str:
        return self.play("pipeline", code, pipeline_stage=name, **given)

    def release(self, action: str, code: int = 0, **given: str) -> str:
        return self.play("release", code, release_action=action, **given)

    def give(self, image: str) -> None:
        """A change of the image: it is published and becomes the channel's newest."""
        published(self.images, image, self.key)
        given = {"server_image": image, "server_image_channel": "candidate", "server_image_output": str(self.images)}
        self.play("server_image_promote", **given)

    def test_and_promote(self, release: str) -> None:
        """The stage test with a cluster of its own, the record of it, and its promotion."""
        self.stage("test", pipeline_by="bert")
        names = subprocess.run(
            ["podman", "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
        )
        assert self.labs["test"].name not in names.stdout, "the test cluster is removed"
        self.release("record")
        for environment in ENVIRONMENTS:
            self.release("promote", release_name=release, release_environment=environment, pipeline_by="carl")

    def servers(self) -> set[str]:
        """Production's host nodes that are ready."""
        return {
            n["Name"] for n in self.labs["prod"].driver.ask(self.labs["prod"], "/v1/nodes") if n["Status"] == "ready"
        }

    def end(self) -> None:
        """Remove the servers of both environments, and the images."""
        for lab in self.labs.values():
            lab.destroy()
        for image in IMAGES:
            forget(image)


def _stacks(name: str, lab: Lab) -> dict[str, Any]:
    """The stacks file of an environment."""
    nodes = {"web": {"hosts": "nodes.resources.module.web.terraform_data.server"}}
    variables = {"ansible_user": "root", "ansible_ssh_common_args": f"-F {lab.folder}/ssh_config"}
    return {
        "plugin": "keelson.cluster.stacks",
        "stacks": {stack: {"state": f"{name}/{stack}/terraform.tfstate"} for stack in STACKS},
        "clusters": {
            lab.name: {
                "engine": "nomad",
                "environment": name,
                "networks": "network.outputs.vlans",
                "managers": {"hosts": "managers.resources.terraform_data.manager"},
                "pools": nodes,
                "host": {"name": "output.name", "address": "output.private_ip"},
                "vars": variables,
            }
        },
        "compose": {"server_image": "output.image | default('')"},
    }


@pytest.fixture(name="delivery")
def _delivery() -> Iterator[Delivery]:
    made = Delivery()
    try:
        yield made
    finally:
        made.end()


def test_a_change_of_the_image_on_its_way_to_production(delivery: Delivery) -> None:
    first, second = IMAGES
    delivery.give(first)
    delivery.test_and_promote("cluster-1")
    assert "waits for the approval of anna" in delivery.stage("prod", 2)
    delivery.stage("prod", pipeline_approval="approve", pipeline_by="anna")
    delivery.stage("prod", pipeline_by="bert")
    assert delivery.servers() == {"web1"}

    delivery.give(second)
    assert "channels.json has changed since the stage test passed" in delivery.stage("prod", 2)
    delivery.test_and_promote("cluster-2")
    assert delivery.servers() == {"web1"}, "production has what it had"
    differs = delivery.release("diff", release_compare="test,prod")
    assert f"image of pool web {second} {first}" in differs and "stack nodes serial" in differs, differs
    delivery.stage("prod", pipeline_approval="approve", pipeline_by="anna")
    with asked(Load(delivery.labs["prod"], "hello"), 2) as asking:
        delivery.stage("prod", pipeline_by="bert")
    print(f"requests: {asking.asked}, failed: {len(asking.failed)}")
    assert asking.failed == [] and asking.asked > 500, (asking.asked, asking.failed[:5])
    assert delivery.servers() == {"web2"}, "the old server is gone, a new one of the new image is there"
    compared = delivery.release("diff", release_compare="cluster-1,cluster-2")
    assert f"image of pool web {first} {second}" in compared and "channels.json" in compared, compared
    differs = delivery.release("diff", release_compare="test,prod")
    assert "image of" not in differs and "artifact" not in differs and "stack nodes serial" in differs, differs
    entries = json.loads((FOLDER / "results/index.json").read_text())["entries"]
    passed = [(e["stage"], e["by"]) for e in entries if e["kind"] == "result" and e["result"] == "passed"]
    assert passed == [("test", "bert"), ("prod", "bert"), ("test", "bert"), ("prod", "bert")]
