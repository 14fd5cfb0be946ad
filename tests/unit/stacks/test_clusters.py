# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a good stacks file becomes."""

from __future__ import annotations

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Secret
from stacks_world import World


def test_three_stacks_make_one_cluster(world: World) -> None:
    inventory = world.load()
    groups = {name: (group.children, group.hosts) for name, group in inventory.groups.items()}
    assert groups == {
        "clusters": (["product"], []),
        "product": (["product_managers", "product_nodes"], []),
        "environment_prod": (["product"], []),
        "product_managers": ([], ["m3", "m1", "m2"]),
        "product_nodes": (["product_pool_web", "product_pool_batch"], []),
        "product_pool_web": ([], ["web0", "web1"]),
        "product_pool_batch": ([], ["batch0"]),
        "stack_managers": ([], ["m3", "m1", "m2"]),
        "stack_nodes": ([], ["web0", "web1", "batch0"]),
    }
    assert inventory.groups["product"].variables == {
        "cluster_engine": "nomad",
        "cluster_environment": "prod",
        "cluster_endpoint": "https://10.61.1.11:4646",
        "cluster_networks": {"batch": "10.61.3.0/24", "managers": "10.61.1.0/24", "web": "10.61.2.0/24"},
    }
    stack = inventory.hosts["m3"].pop("stack")
    assert inventory.hosts["m3"] == {
        "ansible_host": "10.61.1.13",
        "cluster_name": "product",
        "cluster_part": "manager",
        "cluster_pool": "",
        "cluster_address": "10.61.1.13",
        "cluster_labels": {},
    }
    state = world.state("managers")
    assert stack == {
        "name": "managers",
        "kind": "terraform",
        "address": 'terraform_data.server["m.3"]',
        "workspace": "default",
        "serial": state["serial"],
        "lineage": state["lineage"],
    }
    assert inventory.hosts["web1"]["cluster_labels"] == {"tier": "web"}
    assert inventory.hosts["web1"]["stack"]["address"] == "module.web.terraform_data.web[1]"
    assert inventory.hosts["batch0"]["stack"]["address"] == "nodes.outputs.batch_hosts[0]"
    assert inventory.warnings == []


def test_outputs_alone_are_enough(world: World) -> None:
    world.document["stacks"] = {
        "nodes": {"outputs": "nodes.output.json"},
        "network": {"outputs": "network.output.json"},
    }
    cluster = world.cluster()
    cluster["managers"] = {"hosts": "nodes.outputs.batch_hosts", "host": {"name": "name", "address": "private_ip"}}
    del cluster["pools"]
    assert list(world.load().hosts) == ["batch0"]


def test_a_stack_describes_itself(world: World) -> None:
    del world.document["clusters"]
    inventory = world.load()
    assert inventory.hosts["d1"]["cluster_address"] == "10.61.3.21"
    assert inventory.hosts["d1"]["stack"]["name"] == "nodes"
    assert inventory.hosts["d1"]["stack"]["address"] == "outputs.clusters.described.managers.hosts[0]"
    assert inventory.groups["stack_nodes"].hosts == ["d1", "b1"]
    assert inventory.hosts["b1"]["cluster_labels"] == {"tier": "batch"}
    assert inventory.groups["described"].variables["cluster_networks"] == {"batch": "10.61.3.0/24"}
    assert inventory.groups["described"].variables["motd"] == "{{ lookup('pipe', 'id') }}"


def test_paths_are_overridden_by_cluster_and_pool(world: World) -> None:
    del world.document["host"]
    world.cluster()["host"] = {"name": "output.name", "address": "output.private_ip", "connect": "output.name"}
    world.cluster()["pools"]["web"]["host"] = {"name": ["output.nothing", "id"]}
    del world.cluster()["pools"]["batch"]
    inventory = world.load()
    assert inventory.hosts["m1"]["ansible_host"] == "m1"
    assert len([name for name in inventory.groups["product_pool_web"].hosts if len(name) == 36]) == 2


def test_key_of_a_mapping_is_the_name_of_an_object_without_one(world: World) -> None:
    state = world.state("network")
    state["outputs"]["hosts"] = {
        "value": {"a": {"address": "10.61.2.1"}, "b": {"name": "c", "address": "10.61.2.2"}, "d": "10.61.2.3"}
    }
    world.write("network", state)
    world.document["host"] = {}
    world.document["clusters"] = {"x": {"engine": "managed", "pools": {"p": {"hosts": "network.outputs.hosts"}}}}
    assert list(world.load().hosts) == ["a", "c", "d"]


def test_index_key_as_name(world: World) -> None:
    world.cluster()["managers"]["host"] = {"name": "each.key"}
    assert world.load().groups["product_managers"].hosts == ["m.3", "m1", "m2"]


def test_hosts_by_type_need_no_paths(world: World) -> None:
    state = world.state("managers")
    state["resources"] = [
        {
            "mode": "managed",
            "type": "aws_instance",
            "name": "m",
            "instances": [{"attributes": {"id": "i-1", "private_ip": "10.61.1.11", "tags": {"Name": "one"}}}],
        }
    ]
    world.write("managers", state)
    del world.document["host"]
    world.document["clusters"] = {"c": {"engine": "nomad", "managers": {"hosts": "managers.resources.aws_instance.m"}}}
    inventory = world.load()
    assert inventory.hosts["one"]["ansible_host"] == "10.61.1.11"
    assert inventory.groups["c"].variables["cluster_environment"] == "default"


def test_deposed_is_no_host_and_tainted_warns(world: World) -> None:
    state = world.state("managers")
    instances = state["resources"][1]["instances"]
    instances[0]["deposed"] = "0a1b2c3d"
    instances[1]["status"] = "tainted"
    world.write("managers", state)
    inventory = world.load()
    assert inventory.groups["product_managers"].hosts == ["m1", "m2"]
    assert [skipped.address for skipped in inventory.skipped] == ['terraform_data.server["m.3"] (deposed 0a1b2c3d)']
    assert inventory.warnings == [
        f'{world.folder}/managers.json: terraform_data.server["m1"] is tainted: the next apply replaces it'
    ]


def test_data_sources_only_on_request(world: World) -> None:
    state = world.state("managers")
    state["resources"] = [
        {
            "mode": mode,
            "type": "aws_instance",
            "name": "m",
            "instances": [{"attributes": {"private_ip": address, "tags": {"Name": mode}}}],
        }
        for mode, address in (("managed", "10.61.1.11"), ("data", "10.61.1.12"))
    ]
    world.write("managers", state)
    del world.document["host"]
    for hosts, names in (("**", ["managed"]), ("aws_instance.*", ["managed"]), ("data.aws_instance.m", ["data"])):
        world.document["clusters"] = {"c": {"engine": "nomad", "managers": {"hosts": f"managers.resources.{hosts}"}}}
        assert list(world.load().hosts) == names


def test_workspace_of_a_local_state(world: World) -> None:
    folder = world.folder / "terraform.tfstate.d" / "staging"
    folder.mkdir(parents=True)
    (world.folder / "network.json").rename(folder / "network.json")
    world.document["stacks"]["network"]["workspace"] = "staging"
    assert "m1" in world.load().hosts


def test_vars_follow_references_and_secrets_are_asked_for(world: World) -> None:
    world.cluster()["vars"] = {
        "plain": "{{ text }}",
        "vlan": "network.outputs.vlans.web",
        "token": {"sensitive": "network.outputs.join_token"},
    }
    variables = world.load().groups["product"].variables
    assert (variables["plain"], variables["vlan"], variables["token"]) == (
        "{{ text }}",
        "10.61.2.0/24",
        Secret("known-secret-1"),
    )


def test_secret_names_inside_a_value_are_left_out(world: World) -> None:
    state = world.state("network")
    state["outputs"]["app"] = {"value": {"port": 1, "db": {"password": "known-secret-3"}}, "type": "dynamic"}
    world.write("network", state)
    world.cluster()["vars"] = {"app": "network.outputs.app"}
    inventory = world.load()
    assert inventory.groups["product"].variables["app"] == {"port": 1, "db": {}}
    assert inventory.warnings == [
        f"{world.path}: clusters.product.vars.app: app.db.password is left out because its name says it is secret"
    ]


def test_on_duplicate(world: World) -> None:
    world.cluster()["pools"]["web"]["host"] = {"name": "output.private_ip.nothing", "address": "output.private_ip"}
    state = world.state("nodes")
    for instance in next(item for item in state["resources"] if item["type"] == "terraform_data")["instances"]:
        instance["attributes"]["output"]["value"]["name"] = "same"
    world.write("nodes", state)
    del world.cluster()["pools"]["web"]["host"]
    with pytest.raises(
        StackError,
        match="two hosts have the name same: module.web.terraform_data.web\\[0\\] .* and module.web.terraform_data.web\\[1\\]",
    ):
        world.load()
    world.document["on_duplicate"] = "first"
    inventory = world.load()
    assert inventory.hosts["same"]["stack"]["address"].endswith("[0]")
    assert len(inventory.warnings) == 1
    world.document["on_duplicate"] = "address"
    assert "same-module-web-terraform-data-web-1" in world.load().hosts


def test_size_may_be_zero(world: World) -> None:
    world.cluster()["pools"]["empty"] = {"hosts": "nodes.resources.aws_instance.none", "size": 0}
    assert world.load().groups["product_pool_empty"].hosts == []
    world.cluster()["pools"]["burst"] = {"size": 0, "labels": {"tier": "burst"}}  # its hosts join by themselves
    burst = world.load().groups["product_pool_burst"]
    assert (burst.hosts, burst.variables) == ([], {"cluster_labels": {"tier": "burst"}})
    world.cluster()["pools"]["web"]["size"] = 3
    assert world.load().warnings == [f"{world.path}: clusters.product.pools.web: wants 3 hosts and has 2"]


def test_members_of_a_pool(world: World) -> None:
    state = world.state("nodes")
    state["resources"] = [
        {
            "mode": "managed",
            "type": "aws_autoscaling_group",
            "name": "web",
            "instances": [{"attributes": {"name": "web-asg", "desired_capacity": 2}}],
        }
    ]
    world.write("nodes", state)
    world.write("members", {"web-asg": [{"id": "i-1", "private_ip": "10.61.2.10"}]})
    world.document["stacks"]["nodes"]["members"] = "members.json"
    world.cluster()["pools"] = {
        "web": {"hosts": "nodes.resources.aws_autoscaling_group.web", "host": {"name": "id", "address": "private_ip"}}
    }
    inventory = world.load()
    assert inventory.hosts["i-1"]["stack"]["address"] == "aws_autoscaling_group.web member i-1"
    assert inventory.warnings == [
        f"{world.path}: clusters.product.pools.web: aws_autoscaling_group.web of {world.folder}/nodes.json wants 2 servers and has 1"
    ]


def test_machines_that_nobody_names_are_reported(world: World) -> None:
    state = world.state("nodes")
    state["resources"] += [
        {"mode": "managed", "type": kind, "name": "x", "instances": [{"attributes": {}}]}
        for kind in ("acme_virtual_machine", "aws_instance", "aws_db_instance")
    ]
    world.write("nodes", state)
    inventory = world.load()
    assert inventory.warnings == [
        f"{world.folder}/nodes.json: holds machine-like resources that no cluster names: acme_virtual_machine (1), aws_instance (1)"
    ]
    assert [skipped.address for skipped in inventory.skipped] == ["acme_virtual_machine.x", "aws_instance.x"]


def test_constructed_variables_and_groups(world: World) -> None:
    del world.cluster()["pools"]["batch"]
    world.document["compose"] = {
        "vlan": "output.private_ip",
        "fqdn": "output.name ~ '.' ~ cluster_name",
        "numbers": "range(2) | list",
        "none": "output.nothing | default('x')",
    }
    world.document["groups"] = {"first": "output.name.endswith('0')"}
    world.document["keyed_groups"] = [{"key": "cluster_part", "prefix": "part", "parent_group": "parts"}]
    inventory = world.load()
    web = inventory.hosts["web0"]
    assert (web["vlan"], web["fqdn"], web["numbers"], web["none"]) == ("10.61.2.10", "web0.product", [0, 1], "x")
    assert inventory.groups["first"].hosts == ["web0"]
    assert inventory.groups["parts"].children == ["part_manager", "part_node"]
    assert inventory.groups["part_manager"].hosts == ["m3", "m1", "m2"]
