# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks say of variables that are missing, or that they cannot take: one message, before anything is done."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.keelson.cluster.plugins.plugin_utils import variable_types

ROOT = Path(__file__).parents[3]
PROVIDER = '{{"cluster_components": ["{}"]}}'


def play(*arguments: str, inventory: str = "localhost,", well: bool = False) -> str:
    """What ansible-playbook says of a run that fails, or that ends well."""
    command = ["ansible-playbook", "-i", inventory, *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is well, done.stdout
    return " ".join((done.stdout + done.stderr).split())


def untold(tasks: list[dict[str, Any]], templar: Templar) -> Iterator[str]:
    """What Ansible says of the arguments of our modules where nothing was given with a run."""
    for task in tasks:
        yield from untold(task.get("block", []), templar)
        for name, arguments in task.items():
            for value in arguments.values() if name.startswith("keelson.cluster.") else ():
                try:
                    templar.template(value)
                except AnsibleError as error:
                    yield str(error)


def test_a_variable_that_is_missing_is_named_with_the_way_to_give_it() -> None:
    """On the controller; playbooks that work on hosts refuse it in tasks of their own."""
    loader, told = DataLoader(), {}
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        for part in loader.load_from_file(str(path), trusted_as_template=True):
            if "typed_extra_vars" in part.get("hosts", "") and part.get("connection"):
                known = {"ansible_inventory_sources": ["localhost,"], "omit": "", **part.get("vars", {})}
                told.setdefault(path.stem, []).extend(untold(part["tasks"], Templar(loader, variables=known)))
    found = {name for name, texts in told.items() if texts}
    assert found >= {"pipeline", "release", "pipeline_render", "server_image", "server_image_promote", "offline"}
    assert {text for texts in told.values() for text in texts if ": -" not in text} == set()


@pytest.mark.parametrize(
    ("playbook", "given", "told"),
    [
        ("release", "release_actoin=promote", "unknown variable release_actoin: did you mean release_action?"),
        ("pipeline", "pipeline_reap=perhaps", "pipeline_reap: 'perhaps' is not true or false. Nothing was changed"),
        ("server_image", "server_image_builder=dokcer", "server_image_builder: 'dokcer' is none of tree, docker, qemu"),
    ],
)
def test_playbooks_of_the_controller_refuse_what_those_of_clusters_do(playbook: str, given: str, told: str) -> None:
    """They have no task that judges: a text that is no boolean was true."""
    assert told in play(str(ROOT / f"playbooks/{playbook}.yml"), "-e", given)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("w1", ["w1"]),
        ("w1, w2,", ["w1", "w2"]),
        (5, ["5"]),
        (",", []),
        ("{{ mine }}", None),
        (["w1 "], None),
        (None, None),
        ({}, None),
    ],
)
def test_a_list_may_be_text(given: Any, names: list[str] | None) -> None:
    """Nobody asks for a host that is called ' w2'."""
    for name in ("drain_hosts", "remove_hosts", "bundle_artifacts"):
        assert variable_types.converted({name: given}).get(name) == names


def alone(tmp_path: Path, playbook: str, name: str) -> str:
    """A file with one play of a playbook, for a manager that is this machine, where it reads or changes nothing."""
    plays = yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text())
    (chosen,) = (part for part in plays if part.get("name") == name)
    chosen.update({"hosts": "all", "become": False})
    (tmp_path / "play.yml").write_text(yaml.safe_dump([chosen]))
    hosts = {"m1": {"ansible_connection": "local", "cluster_name": "product"}}
    groups = {"product_pool_web": {"hosts": {}}, "cluster_part_manager": {"hosts": {"m1": {}}}}
    inventory = {"all": {"hosts": hosts, "children": groups}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    return str(tmp_path / "play.yml")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("enroll_pool=web enroll_document={}/none/join.json", "is in a folder that does not exist; name a file in one"),
        ("enroll_pool=web enroll_document={}", "is a folder; name a file in one that does. Nothing was changed"),
        ("enroll_revoke=5f2d8a01c3e7.secret", "give the number of the token alone, the part before the dot"),
    ],
)
def test_enroll_changes_nothing_for_a_document_that_cannot_be_written(tmp_path: Path, given: str, told: str) -> None:
    """Else the managers would have a token that nobody has."""
    path = alone(tmp_path, "enroll", "Declare a new host of the pool")
    assert told in play(path, "-e", given.format(tmp_path), inventory=str(tmp_path / "inventory.yml"))


def test_a_cluster_without_host_nodes_has_none_to_drain(tmp_path: Path) -> None:
    path = alone(tmp_path, "drain", "Choose the host nodes")
    said = play(path, "-e", '{"drain_hosts": ["w1"]}', inventory=str(tmp_path / "inventory.yml"))
    assert "drain_hosts: w1; the host nodes of product are none. Nothing was changed." in said


def test_a_component_that_is_none_is_told_once(tmp_path: Path) -> None:
    path = alone(tmp_path, "uninstall", "Refuse without a confirmation")
    given = ("-e", "uninstall_confirm=product uninstall_component=faas cluster_engine=nomad")
    said = play(path, *given, inventory=str(tmp_path / "inventory.yml"))
    assert "uninstall_component has 'faas': this collection has no such" in said


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mesh_remove=true", "with mesh_remove there is no authority left to replace"),
        ("", "no provider of the mesh that product has keeps an authority here"),
    ],
)
def test_an_authority_that_cannot_be_replaced_is_told(tmp_path: Path, given: str, told: str) -> None:
    path = alone(tmp_path, "mesh", "Run what is on managers")
    given = f"mesh_new_authority=true cluster_engine=nomad {given}"
    said = play(path, "-e", given, "-e", PROVIDER.format("mesh_consul"), inventory=str(tmp_path / "inventory.yml"))
    assert f"mesh_new_authority: {told}" in said and "Leave it out. Nothing was changed." in said


@pytest.mark.parametrize("given", ["", "mesh_remove=true", "mesh_new_authority=true"])
def test_a_cluster_without_a_mesh_is_told_which_variable_names_one(tmp_path: Path, given: str) -> None:
    """It would do nothing, and end well."""
    path, engine = alone(tmp_path, "mesh", "See that the cluster has a mesh"), "cluster_engine=nomad"
    inventory = str(tmp_path / "inventory.yml")
    said = play(path, "-e", f"{engine} {given}", inventory=inventory)
    assert "cluster_components of product names no provider of the mesh" in said and "Nothing was changed." in said
    play(path, "-e", f"{engine} {given}", "-e", PROVIDER.format("mesh_envoy"), inventory=inventory, well=True)


def test_a_release_without_a_manager_that_answers_is_told(tmp_path: Path) -> None:
    path = alone(tmp_path, "deploy", "Deploy")
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    plays = yaml.safe_load(Path(path).read_text())
    plays[0]["vars"] |= {"ansible_connection": "ssh", "ansible_ssh_executable": str(tmp_path / "ssh"), "__deploy": {}}
    Path(path).write_text(yaml.safe_dump(plays))
    said = play(path, inventory=str(tmp_path / "inventory.yml"))
    assert "No manager of product answers. Start one, then run again." in said


def test_the_most_that_a_playbook_takes_is_the_most_that_a_manager_takes() -> None:
    from ansible_collections.keelson.cluster.plugins.module_utils.enrollment.tokens import BOUNDS

    specs = variable_types.playbooks()
    for name, bounds in BOUNDS.items():
        assert (specs[f"enroll_{name}"]["minimum"], specs[f"enroll_{name}"]["maximum"]) == bounds


def test_the_builders_are_those_that_there_are() -> None:
    from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.builders.registry import BUILDERS

    assert variable_types.playbooks()["server_image_builder"]["choices"] == list(BUILDERS)
