# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each format, read from a real text of it, becomes the same records."""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import host_types
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.sources import web
from stacks_world import World, one


def test_shown_state_gives_the_same_hosts_as_the_state(world: World) -> None:
    plain = world.load()
    world.document["stacks"] = {name: {"show": f"{name}.show.json"} for name in ("network", "managers", "nodes")}
    shown = world.load()
    for host in shown.hosts.values():
        host["stack"].update(serial=None, lineage=None)
    for host in plain.hosts.values():
        host["stack"].update(serial=None, lineage=None)
    assert shown.hosts == plain.hosts
    assert shown.groups == plain.groups


def test_plan_shows_what_would_exist(world: World) -> None:
    host = {"name": "input.name", "address": "input.private_ip"}
    inventory = one(world, {"show": "nodes.plan.json"}, "s.resources.module.web.terraform_data.web", host=host)
    assert list(inventory.hosts) == ["web0", "web1"]
    assert inventory.warnings == [
        f"{world.folder}/nodes.plan.json: is a plan: it shows what would exist, not what does"
    ]


def test_planned_host_is_marked_and_leads_nowhere(world: World) -> None:
    """What only an apply tells, such as an address, a plan lacks."""
    host = {"name": "input.name", "address": "output.private_ip"}
    networks = {"networks": {"web": "10.61.2.0/24"}}
    one(world, {"show": "nodes.plan.json"}, "s.resources.module.web.terraform_data.web", host=host)
    world.document["clusters"]["c"].update(networks)
    planned = world.load().hosts["web0"]
    assert (planned["ansible_host"], planned["cluster_address"]) == ("web0.invalid", "")
    assert planned["stack"]["note"] == "planned"


@pytest.mark.parametrize("name", ["pulumi.json", "pulumi.checkpoint.json", "pulumi.checkpoint.json.gz"])
def test_pulumi(world: World, name: str) -> None:
    if name.endswith(".gz"):
        (world.folder / name).write_bytes(gzip.compress((world.folder / name[:-3]).read_bytes()))
    inventory = one(world, {"pulumi": name}, "s.resources.**aws:ec2/instance:Instance::web-*")
    assert {name: host["ansible_host"] for name, host in inventory.hosts.items()} == {
        "web-0": "10.61.2.11",
        "web-1": "10.61.2.12",
    }
    assert [(skipped.address.rsplit("::", 1)[1], skipped.reason) for skipped in inventory.skipped] == [
        ("web-2", "pending deletion"),
        ("web-3", "pending replacement"),
    ]
    assert len(inventory.warnings) == 1 and "was cut off: run `pulumi refresh`" in inventory.warnings[0]
    assert inventory.hosts["web-0"]["stack"]["workspace"] == "dev"


def test_pulumi_outputs(world: World) -> None:
    assert list(one(world, {"pulumi": "pulumi.json"}, "s.outputs.hosts").hosts) == ["p9"]


def test_cloudformation_outputs_are_parsed(world: World) -> None:
    inventory = one(world, {"cloudformation": "cloudformation.json"}, "s.outputs.Hosts")
    assert inventory.hosts["c1"]["stack"]["workspace"] == "shop"
    assert [item.reason for item in inventory.skipped] == [
        "its status is DELETE_COMPLETE",
        "no cluster of the stacks file names it",
    ]


def test_cloudformation_resources_are_completed_by_described_instances(world: World) -> None:
    stack = {"cloudformation": "cloudformation.json", "members": "instances.json"}
    assert one(world, stack, "s.resources.Manager").hosts["cm1"]["cluster_address"] == "10.61.2.31"
    inventory = one(world, stack, "s.resources.WebGroup", host={"name": "id"})
    assert {name: host["ansible_host"] for name, host in inventory.hosts.items()} == {"i-0002": "10.61.2.32"}


def test_cloudformation_module_result(world: World) -> None:
    assert list(one(world, {"cloudformation": "cloudformation_info.json"}, "s.outputs.Hosts").hosts) == ["c1"]


def test_cloudformation_of_two_files(world: World) -> None:
    whole = world.state("cloudformation")
    for key in whole:
        world.write(key, {key: whole[key]})
    stack = {"cloudformation": [f"{key}.json" for key in whole], "members": "instances.json"}
    assert list(one(world, stack, "s.resources.Manager").hosts) == ["cm1"]


def test_cloudformation_that_moves_warns(world: World) -> None:
    document = world.state("cloudformation")
    document["Stacks"][0]["StackStatus"] = "UPDATE_IN_PROGRESS"
    world.write("cloudformation", document)
    assert one(world, {"cloudformation": "cloudformation.json"}, "s.outputs.Hosts").warnings == [
        f"{world.folder}/cloudformation.json: the stack shop is changing: UPDATE_IN_PROGRESS",
        f"{world.folder}/cloudformation.json: holds machine-like resources that no cluster names: AWS::AutoScaling::AutoScalingGroup (1)",
    ]


def test_static(world: World) -> None:
    inventory = one(world, {"static": "static.yml"}, "s.outputs.web", host={"connect": ["connect", "address"]})
    assert {name: host["ansible_host"] for name, host in inventory.hosts.items()} == {
        "s1": "10.61.2.41",
        "s2": "s2.example.org",
    }


@pytest.mark.parametrize("name", ["nodes.json", "nodes.output.json", "nodes.show.json"])
def test_command_prints_any_format(world: World, name: str) -> None:
    inventory = one(world, {"command": ["cat", name]}, "s.outputs.batch_hosts")
    assert list(inventory.hosts) == ["batch0"]


def test_byte_order_mark_is_no_fault(world: World) -> None:
    path = world.folder / "nodes.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert "web0" in world.load().hosts


def test_members_by_a_command(world: World) -> None:
    state = world.state("nodes")
    attributes = {"name": "web-asg", "desired_capacity": 1}
    state["resources"] = [
        {"mode": "managed", "type": "aws_autoscaling_group", "name": "web", "instances": [{"attributes": attributes}]}
    ]
    world.write("nodes", state)
    world.write("members", {"aws_autoscaling_group.web": [{"name": "w1", "address": "10.61.2.10"}]})
    inventory = one(
        world,
        {"state": "nodes.json", "members": {"command": "cat members.json"}},
        "s.resources.aws_autoscaling_group.web",
    )
    assert (list(inventory.hosts), inventory.warnings) == (["w1"], [])


PEM = "-----BEGIN CERTIFICATE-----\n"
CODED = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
# What each cloud's provider writes into a state: the cluster, its node groups, and what becomes of them.
MANAGED: list[tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]], dict[str, Any]]] = [
    (
        "aws_eks_cluster",
        {"name": "shop", "endpoint": "https://eks.example.org", "version": "1.33", "certificate_authority": [{"data": CODED}]},
        [
            ("aws_eks_node_group", {"cluster_name": name, "node_group_name": f"{name}-a", "scaling_config": [{"desired_size": 3}]})
            for name in ("shop", "other")
        ],
        {"by": "eks", "endpoint": "https://eks.example.org", "ca": PEM, "version": "1.33",
         "groups": [("shop-a", 3, "aws_eks_node_group.n0")]},
    ),
    (
        "azurerm_kubernetes_cluster",
        {"id": "/subscriptions/1/shop", "name": "shop", "fqdn": "shop.hcp.example.org", "private_fqdn": "", "kubernetes_version": "1.32.4",
         "kube_config": [{"cluster_ca_certificate": CODED, "client_key": "known-secret-7"}],
         "default_node_pool": [{"name": "system", "node_count": 2}]},
        [("azurerm_kubernetes_cluster_node_pool", {"kubernetes_cluster_id": "/subscriptions/1/shop", "name": "web", "node_count": 4})],
        {"by": "aks", "endpoint": "https://shop.hcp.example.org", "ca": PEM, "version": "1.32.4",
         "groups": [("web", 4, "azurerm_kubernetes_cluster_node_pool.n0"), ("system", 2, "azurerm_kubernetes_cluster.main")]},
    ),
    (
        "google_container_cluster",
        {"name": "shop", "endpoint": "10.61.9.2", "master_version": "1.32.4-gke.1", "master_auth": [{"cluster_ca_certificate": CODED}],
         "node_pool": [{"name": "web", "node_count": 3}]},
        [("google_container_node_pool", {"cluster": "shop", "name": "web", "node_count": 3})],
        {"by": "gke", "endpoint": "https://10.61.9.2", "ca": PEM, "version": "1.32.4-gke.1",
         "groups": [("web", 3, "google_container_node_pool.n0")]},
    ),
    (
        "aws_ecs_cluster",
        {"name": "shop", "arn": "arn:aws:ecs:eu-central-1:1:cluster/shop"},
        [("aws_ecs_capacity_provider", {"name": "spot", "auto_scaling_group_provider": [{"managed_scaling": [{"target_capacity": 90}]}]})],
        {"by": "ecs", "endpoint": "arn:aws:ecs:eu-central-1:1:cluster/shop", "ca": "", "version": "",
         "groups": [("spot", 90, "aws_ecs_capacity_provider.n0")]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attributes", "nodes", "expected"), MANAGED, ids=[case[0] for case in MANAGED])
def test_managed_cluster(
    world: World,
    kind: str,
    attributes: dict[str, Any],
    nodes: list[tuple[str, dict[str, Any]]],
    expected: dict[str, Any],
) -> None:
    resources = [(kind, "main", attributes), *((node, f"n{number}", own) for number, (node, own) in enumerate(nodes))]
    state = world.state("nodes")
    state["resources"] = [
        {"mode": "managed", "type": kind, "name": name, "instances": [{"attributes": attributes}]}
        for kind, name, attributes in resources
    ]
    world.write("nodes", state)
    world.document["stacks"] = {"s": {"state": "nodes.json"}}
    world.document["clusters"] = {"c": {"managed": f"s.resources.{kind}.main"}}
    assert world.load().groups["c"].variables == {
        "cluster_engine": "managed",
        "cluster_environment": "default",
        "cluster_endpoint": expected["endpoint"],
        "cluster_networks": {},
        "cluster_managed_by": expected["by"],
        "cluster_ca": expected["ca"],
        "cluster_version": expected["version"],
        "cluster_node_groups": [
            {"name": name, "size": size, "address": address} for name, size, address in expected["groups"]
        ],
    }


def test_managed_cluster_of_pulumi(world: World) -> None:
    urn = "urn:pulumi:dev::shop::{0}::main"
    types = {
        "aws:eks/cluster:Cluster": {"name": "shop", "endpoint": "https://eks.example.org", "version": "1.33", "certificateAuthority": {"data": CODED}},
        "aws:eks/nodeGroup:NodeGroup": {"clusterName": "shop", "nodeGroupName": "web", "scalingConfig": {"desiredSize": 3}},
    }  # fmt: skip
    resources = [
        {"urn": urn.format(kind), "type": kind, "custom": True, "outputs": outputs} for kind, outputs in types.items()
    ]
    world.write("pulumi", {"version": 4, "deployment": {"resources": resources}})
    world.document["stacks"] = {"s": {"pulumi": "pulumi.json"}}
    world.document["clusters"] = {"c": {"managed": "s.resources.**eks/cluster:Cluster::main"}}
    variables = world.load().groups["c"].variables
    assert (variables["cluster_managed_by"], variables["cluster_ca"]) == ("eks", PEM)
    assert [(group["name"], group["size"]) for group in variables["cluster_node_groups"]] == [("web", 3)]


# What each provider writes of a server, as far as its name and address go; the name is w1 and the address 10.61.2.10.
SERVERS: dict[str, dict[str, Any]] = {
    "aws_instance": {"tags": {"Name": "w1"}, "private_ip": "10.61.2.10", "public_ip": "1.2.3.4"},
    "azurerm_linux_virtual_machine": {"name": "w1", "private_ip_address": "10.61.2.10"},
    "google_compute_instance": {"name": "w1", "network_interface": [{"network_ip": "10.61.2.10"}]},
    "openstack_compute_instance_v2": {"name": "w1", "access_ip_v4": "10.61.2.10", "network": []},
    "hcloud_server": {"name": "w1", "ipv4_address": "1.2.3.4", "network": [{"ip": "10.61.2.10"}]},
    "digitalocean_droplet": {"name": "w1", "ipv4_address": "1.2.3.4", "ipv4_address_private": "10.61.2.10"},
    "proxmox_virtual_environment_vm": {"name": "w1", "ipv4_addresses": [["127.0.0.1"], ["10.61.2.10"]]},
    "proxmox_vm_qemu": {"name": "w1", "default_ipv4_address": "10.61.2.10"},
    "libvirt_domain": {"name": "w1", "network_interface": [{"addresses": ["10.61.2.10"]}]},
    "vsphere_virtual_machine": {"name": "w1", "default_ip_address": "10.61.2.10"},
    "equinix_metal_device": {"hostname": "w1", "access_private_ipv4": "10.61.2.10"},
    "scaleway_instance_server": {"name": "w1", "private_ips": [{"address": "10.61.2.10"}]},
}


@pytest.mark.parametrize("kind", SERVERS)
def test_hosts_of_each_provider_need_no_paths(world: World, kind: str) -> None:
    state = world.state("nodes")
    state["resources"] = [{"mode": "managed", "type": kind, "name": "w", "instances": [{"attributes": SERVERS[kind]}]}]
    world.write("nodes", state)
    hosts = one(world, {"state": "nodes.json"}, f"s.resources.{kind}.w").hosts
    assert {name: host["cluster_address"] for name, host in hosts.items()} == {"w1": "10.61.2.10"}


@pytest.mark.parametrize(
    ("kind", "like"),
    [
        ("acme_virtual_machine", True),
        ("acme_instance_v3", True),
        ("AWS::Lightsail::Instance", True),
        ("exoscale_instance_pool", True),
        ("ibm_is_instance_group", True),
        ("gcp:container/nodePool:NodePool", True),
        ("azure-native:containerservice:AgentPool", True),
        ("aws-native:eks:Nodegroup", True),
        ("aws-native:autoscaling:AutoScalingGroup", True),
        ("alicloud_ess_scaling_group", True),
        ("AWS::EC2::SpotFleet", True),
        ("packet_device", True),
        ("aws_security_group", False),
        ("aws_db_option_group", False),
        ("linode:index/instance:Instance", True),
        ("aws_db_instance", False),
        ("AWS::RDS::DBInstance", False),
        ("aws:rds/instance:Instance", False),
        ("aws_iam_instance_profile", False),
        ("aws_vpc", False),
    ],
)
def test_types_that_sound_like_machines(kind: str, like: bool) -> None:
    assert host_types.machine_like(kind) is like


def test_stale_stack_warns(world: World) -> None:
    state = world.state("network")
    state["outputs"]["vlans"]["value"]["extra"] = "10.61.4.0/24"
    world.write("network", state)
    assert world.load().warnings == [
        f"{world.folder}/managers.json: was applied against an older network stack: vlans changed since "
        "(data.terraform_remote_state.network); apply it again"
    ]


def test_local_lock_warns(world: World) -> None:
    lock = {"ID": "1", "Operation": "OperationTypeApply", "Who": "ann@laptop", "Created": "2026-11-22T08:00:00Z"}
    (world.folder / ".nodes.json.lock.info").write_text(json.dumps(lock))
    assert world.load().warnings == [
        f"{world.folder}/nodes.json: is locked by ann@laptop since 2026-11-22T08:00:00Z (OperationTypeApply): what is read may change at once"
    ]


def test_pull_takes_the_binary_that_initialised_the_folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are on PATH; the lock file of providers tells which one the folder is for. Neither runs init."""
    (world.folder / "code").mkdir()
    lock = world.folder / "code" / ".terraform.lock.hcl"
    for name in ("terraform", "tofu"):
        program = world.folder / name
        program.write_text(
            f'#!/bin/sh\n[ "$*" = "state pull" ] || exit 9\n[ "$TF_WORKSPACE" = qa ] || exit 8\necho {name} >&2\ncat ../{name}.json\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{world.folder}:{os.environ['PATH']}")
    state = world.state("nodes")
    for registry, name in (("registry.opentofu.org", "tofu"), ("registry.terraform.io", "terraform")):
        lock.write_text(f'provider "{registry}/hashicorp/aws" {{}}\n')
        world.write(name, {**state, "serial": len(name)})
        inventory = one(world, {"pull": "code", "workspace": "qa"}, "s.outputs.batch_hosts")
        assert (inventory.hosts["batch0"]["stack"]["serial"], inventory.hosts["batch0"]["stack"]["workspace"]) == (
            len(name),
            "qa",
        )
    lock.unlink()
    (world.folder / "code" / "main.tofu").touch()
    assert (
        one(world, {"pull": "code", "workspace": "qa"}, "s.outputs.batch_hosts").hosts["batch0"]["stack"]["serial"] == 4
    )


@pytest.mark.parametrize("way", ["address", "redirect"])
def test_a_state_does_not_come_by_http_on_its_way(world: World, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    leads = "http://files.example.org/state?key=known-secret"
    first = leads if way == "address" else "https://tfe.example.org/state"

    def get(url: str, *_more: Any) -> web.Answer:
        if url == "https://tfe.example.org/state":
            return web.Answer(b"", location=leads)
        answer = {"data": {"id": "sv-1", "attributes": {"hosted-state-download-url": first}}}
        return web.Answer(json.dumps(answer).encode())

    monkeypatch.setattr(web, "get", get)
    world.document["stacks"]["nodes"] = {
        "tfe": {"organization": "acme", "workspace": "w", "hostname": "tfe.example.org", "token": "t"}
    }
    with pytest.raises(StackError, match=r"leads to http://files.example.org/state, and anybody") as error:
        world.load()
    assert "known-secret" not in str(error.value)
