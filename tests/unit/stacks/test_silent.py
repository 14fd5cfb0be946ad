# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must never be wrong in silence: the right value, or a warning or an error that names it. One section a class."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import addresses, host_types, names
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.model import Inventory, Secret
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.sources import ec2
from stacks_world import World, one

Resources = dict[str, dict[str, Any]]


def state(world: World, resources: Resources, name: str = "nodes") -> None:
    """Write a state that holds RESOURCES, by address."""
    world.write(
        name,
        {
            **world.state(name),
            "resources": [
                {
                    "mode": "data" if address.startswith("data.") else "managed",
                    "type": address.split(".")[-2],
                    "name": address.split(".")[-1],
                    "instances": [{"attributes": attributes}],
                }
                for address, attributes in resources.items()
            ],
        },
    )


def load(world: World, resources: Resources, hosts: str = "", **cluster: Any) -> Inventory:
    """The inventory of one pool of HOSTS, the first of RESOURCES unless given."""
    state(world, resources)
    world.document["stacks"] = {"s": {"state": "nodes.json"}}
    world.document["host"] = {}
    pool = {"hosts": f"s.resources.{hosts or next(iter(resources))}"}
    world.document["clusters"] = {"c": {"engine": "managed", "pools": {"p": pool}, **cluster}}
    return world.load()


def address(world: World, resources: Resources, **cluster: Any) -> str:
    """The cluster address of the one host."""
    (host,) = load(world, resources, **cluster).hosts.values()
    return str(host["cluster_address"])


# 1. A value of the right form that is no usable one

UNUSABLE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.7.7", "224.0.0.5", "239.255.255.250", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1", "::FFFF:7f00:1", "::ffff:0.0.0.0", "::ffff:169.254.1.1",
    "::ffff:224.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "[::1]", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "127.0.0.1/8",
    "64:ff9b::10.0.0.5", "::ffff:0:10.0.0.5", "2002:a00:5::1", "2001:0:53aa:64c::1", "192.0.0.2", "255.255.255.0", "100::1", "10.0.0.255/24",
]  # fmt: skip


@pytest.mark.parametrize("text", UNUSABLE)
def test_an_address_that_no_host_can_have_is_refused(world: World, text: str) -> None:
    for host, values in (
        ({"address": "a"}, {"name": "w", "a": text}),
        ({"address": "a", "connect": "b"}, {"name": "w", "a": "10.0.0.1", "b": text}),
        ({}, {"name": "w", "private_ip": text}),
    ):
        with pytest.raises(StackError, match="address|connect"):
            load(world, {"aws_instance.w": {"tags": {"Name": "w"}, **values}}, host=host)
    with pytest.raises(StackError):
        world.document["clusters"] = {
            "c": {"engine": "managed", "pools": {"p": {"hosts": [{"name": "w", "address": text}]}}}
        }
        world.load()


def test_lists_are_searched(world: World) -> None:
    ours = {"name": "w", "ipv4_addresses": [["127.0.0.1"], ["169.254.0.3", "192.168.1.5"], []]}
    assert address(world, {"proxmox_virtual_environment_vm.w": ours}) == "192.168.1.5"
    ours = {"name": "w", "network_interface": [{"addresses": []}, {"addresses": ["fe80::1", "10.0.0.7"]}]}
    assert address(world, {"libvirt_domain.w": ours}) == "10.0.0.7"
    ours = {"name": "w", "guest_ip_addresses": ["169.254.1.1", "fd00::5"]}
    assert address(world, {"vsphere_virtual_machine.w": ours}) == "fd00::5"
    with pytest.raises(
        StackError, match=r"has no address: 127.0.0.1 is a loopback address, fe80::1 is a link-local address\."
    ):
        address(
            world, {"proxmox_virtual_environment_vm.w": {"name": "w", "ipv4_addresses": [["127.0.0.1"], ["fe80::1"]]}}
        )


def test_a_path_of_the_file_may_search_too(world: World) -> None:
    nets = [{"kind": "storage", "ip": "10.1.0.1"}, {"kind": "main", "ip": "10.0.0.1"}]
    ours = {"acme_box.w": {"name": "w", "nets": nets}}
    assert address(world, ours, host={"address": "nets.*kind=main.ip"}) == "10.0.0.1"
    assert address(world, ours, host={"address": "nets.*.ip"}) == "10.1.0.1"


def test_of_several_addresses_the_one_in_the_networks_is_meant(world: World) -> None:
    ours = {"proxmox_virtual_environment_vm.w": {"name": "w", "ipv4_addresses": [["172.17.0.5"], ["10.9.0.4"]]}}
    inventory = load(world, ours, networks={"a": "10.9.0.0/24"})
    assert (inventory.hosts["w"]["cluster_address"], inventory.warnings) == ("10.9.0.4", [])
    assert "w 172.17.0.5, not 10.9.0.4" in load(world, ours).warnings[0]
    second = {"id": "w", "private_ip": "172.31.0.5", "secondary_private_ips": ["10.9.0.4"]}
    assert address(world, {"aws_instance.w": second}, networks={"a": "10.9.0.0/24"}) == "10.9.0.4"


@pytest.mark.parametrize("bridge", ["172.17.0.1", "10.88.0.1", "192.168.122.1", "10.0.3.1", "172.26.64.1"])
def test_a_bridge_within_the_machine_is_the_last_that_is_meant(world: World, bridge: str) -> None:
    for own in ("10.9.0.4", "203.0.113.9"):
        ours = {"proxmox_virtual_environment_vm.w": {"name": "w", "ipv4_addresses": [["127.0.0.1"], [bridge], [own]]}}
        inventory = load(world, ours, host={"connect": ["each.public", "each.private"]})
        assert (inventory.hosts["w"]["cluster_address"], inventory.hosts["w"]["ansible_host"]) == (own, own)
        assert not [text for text in inventory.warnings if "several" in text]


@pytest.mark.parametrize("text", ["10.9.0.0", "10.9.0.255"])
def test_the_ends_of_a_network_are_no_hosts(world: World, text: str) -> None:
    with pytest.raises(StackError, match="the network's own or its broadcast address"):
        load(world, {"aws_instance.w": {"id": "w", "private_ip": text}}, networks={"a": "10.9.0.0/24"})


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST", "a.localhost", "127.1", "0x7f000001", "2130706433", "ip6-loopback", "localhost.localdomain"]
)  # fmt: skip
def test_nothing_is_connected_to_by_a_name_of_the_controller(world: World, name: str) -> None:
    ours = {"id": "w", "private_ip": "10.0.0.1", "dns": name}
    with pytest.raises(StackError, match="connect"):
        load(world, {"aws_instance.w": ours}, host={"connect": "dns"})


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("[2001:DB8::181]", "2001:db8::181"), (" 10.0.0.5\n", "10.0.0.5"), ("10.0.0.5/24", "10.0.0.5"),
     ("::ffff:10.0.0.5", "10.0.0.5"), ("10.0.0.0/31", "10.0.0.0")],
)  # fmt: skip
def test_one_spelling(text: str, canonical: str) -> None:
    assert str(addresses.read(text)) == canonical


@pytest.mark.parametrize(
    "text", ["10.0.0.0/24", "10.0.0", "10.0.00.1", "fe80::1%eth0", "2001:db8::1%1", "[10.0.0.1", "", "10.0.0.1/40"]
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        addresses.read(text)


# 2. An absent value handed on as text


@pytest.mark.parametrize("text", ["null", "None", "undefined", "NIL", "NaN"])
def test_the_text_of_an_absent_value_names_no_host(world: World, text: str) -> None:
    with pytest.raises(StackError, match="as its name, which is the text of an absent value"):
        load(world, {"aws_instance.w": {"private_ip": "10.0.0.1", "tags": {"Name": text}}})


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def pulumi(world: World, outputs: dict[str, Any], reference: str, **document: Any) -> Any:
    """The variable that `{sensitive: REFERENCE}` of a Pulumi export becomes."""
    stack = {
        "urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev",
        "type": "pulumi:pulumi:Stack",
        "custom": False,
        "outputs": outputs,
    }
    world.write("pulumi", {"version": 3, **document, "deployment": {"resources": [stack]}})
    world.document["stacks"]["p"] = {"pulumi": "pulumi.json"}
    world.cluster()["vars"] = {"token": {"sensitive": f"p.outputs.{reference}"}}
    return world.load().groups["product"].variables["token"]


@pytest.mark.parametrize(
    "value", [{**SECRET, "ciphertext": "v1:x"}, {"user": "a", "password": {**SECRET, "ciphertext": "v1:x"}}]
)
def test_ciphertext_is_no_value(world: World, value: Any) -> None:
    with pytest.raises(
        StackError, match=r"outputs.token is encrypted\. Export it with `pulumi stack export --show-secrets`"
    ):
        pulumi(world, {"token": value}, "token")


def test_a_secret_that_was_exported_in_the_clear_is_one_still(world: World) -> None:
    given = {"token": {**SECRET, "plaintext": '{"key": "known-secret"}'}}
    assert pulumi(world, given, "token.key") == Secret("known-secret")
    world.cluster()["vars"] = {"token": "p.outputs.token"}
    with pytest.raises(StackError, match="is sensitive"):
        world.load()


@pytest.mark.parametrize(
    "value", ["[secret]", "****", "(sensitive value)", "<sensitive>", "(known after apply)", "<computed>", "ENC[AES256_GCM,data:x]",
              "$ANSIBLE_VAULT;1.1;AES256\n33", "04da6b54-80e4-46f7-96ec-b56ff0331ba9", {"a": ["[secret]"]}, None]
)  # fmt: skip
@pytest.mark.parametrize("asked", ["network.outputs.x", {"sensitive": "network.outputs.x"}])
def test_what_stands_for_a_value_is_none(world: World, value: Any, asked: Any) -> None:
    state = world.state("network")
    state["outputs"]["x"] = {"value": value}
    world.write("network", state)
    world.cluster()["vars"] = {"x": asked}
    with pytest.raises(StackError, match="only stands for a value|has no value"):
        world.load()


@pytest.mark.parametrize("key", ["endpoint", "networks"])
def test_a_reference_to_nothing_is_not_taken_for_none(world: World, key: str) -> None:
    state = world.state("network")
    state["outputs"]["x"] = {"value": None}
    world.write("network", state)
    world.cluster()[key] = "network.outputs.x"
    with pytest.raises(StackError, match="`network.outputs.x` has no value"):
        world.load()


def test_a_name_that_is_encrypted_is_not_passed_over(world: World) -> None:
    kind = "aws:ec2/instance:Instance"
    outputs = {"privateIp": "10.0.0.1", "tags": {"Name": {**SECRET, "ciphertext": "v1:x"}}}
    resource = {
        "urn": f"urn:pulumi:dev::shop::{kind}::w",
        "type": kind,
        "custom": True,
        "id": "i-1",
        "outputs": outputs,
    }
    world.write("pulumi", {"version": 3, "deployment": {"resources": [resource]}})
    world.document.update(
        stacks={"s": {"pulumi": "pulumi.json"}}, host={},
        clusters={"c": {"engine": "managed", "pools": {"p": {"hosts": "s.resources.**::w"}}}},
    )  # fmt: skip
    with pytest.raises(StackError, match="has its name at tags.Name, which is sensitive"):
        world.load()


def test_interfaces_that_a_machine_makes_for_itself_are_none_of_its_own(world: World) -> None:
    names = ["lo", "tunl0", "ens18", "vxlan.calico", "nomad"]
    texts = [["127.0.0.1"], ["10.244.0.0"], ["192.168.1.5"], ["10.244.0.1"], ["10.9.0.1"]]
    ours = {"name": "w", "ipv4_addresses": texts, "network_interface_names": names}
    inventory = load(world, {"proxmox_virtual_environment_vm.w": ours})
    assert (inventory.hosts["w"]["cluster_address"], inventory.warnings) == ("192.168.1.5", [])
    box = {"initialization": [{"hostname": "w"}], "ipv4": {"docker0": "10.244.0.1", "eth0": "192.168.1.5"}}
    inventory = load(world, {"proxmox_virtual_environment_container.w": box})
    assert inventory.hosts["w"]["cluster_address"] == "192.168.1.5"
    other = {"name": "w", "interfaces": {"incusbr0": {"ips": ["10.244.0.1"]}, "eth0": {"ips": ["192.168.1.5"]}}}
    inventory = load(world, {"incus_instance.w": other})
    assert (inventory.hosts["w"]["cluster_address"], inventory.warnings) == ("192.168.1.5", [])


# 3. A fallback that changes the meaning: private before public, also in objects beside the server

BOTH: dict[str, Resources] = {
    "upcloud": {"upcloud_server.w": {"hostname": "w", "network_interface": [
        {"type": "public", "ip_address": "203.0.113.30"}, {"type": "utility", "ip_address": "10.3.0.9"}, {"type": "private", "ip_address": "10.0.1.4"}]}},
    "linode": {"linode_instance.w": {"label": "w", "ip_address": "203.0.113.30", "private_ip_address": "10.0.1.4"}},
    "openstack": {"openstack_compute_instance_v2.w": {"name": "w", "access_ip_v4": "203.0.113.30", "network": [{"fixed_ip_v4": "10.0.1.4"}]}},
    "hcloud": {
        "hcloud_server.w": {"id": "17", "name": "w", "ipv4_address": "203.0.113.30"},
        "hcloud_floating_ip.other": {"id": "17", "ip_address": "203.0.113.31"},
        "hcloud_server_network.n": {"server_id": 17, "ip": "10.0.1.4"},
    },
    "openstack port": {
        "openstack_compute_instance_v2.w": {"id": "a", "name": "w", "access_ip_v4": "203.0.113.30"},
        "openstack_networking_port_v2.p": {"id": "b", "device_id": "a", "all_fixed_ips": ["10.0.1.4"]},
    },
    "openstack attachment": {
        "openstack_compute_instance_v2.w": {"id": "a", "name": "w", "access_ip_v4": "203.0.113.30"},
        "openstack_compute_interface_attach_v2.p": {"instance_id": "a", "fixed_ip": "10.0.1.4"},
    },
    "azure": {
        "azurerm_virtual_machine.w": {"id": "/vm", "name": "w", "network_interface_ids": ["/Nic"]},
        "azurerm_network_interface.n": {"id": "/nic", "private_ip_address": "10.0.1.4", "ip_configuration": [{"public_ip_address_id": "/ip"}]},
        "azurerm_public_ip.i": {"id": "/ip", "ip_address": "203.0.113.30"},
    },
    "aws": {
        "aws_instance.w": {"id": "i-1", "tags": {"Name": "w"}, "private_ip": "", "public_ip": "203.0.113.30"},
        "aws_network_interface_attachment.a": {"instance_id": "i-1", "network_interface_id": "eni-1"},
        "aws_network_interface.n": {"id": "eni-1", "private_ips": ["10.0.1.4"]},
    },
    "scaleway": {
        "scaleway_instance_server.w": {"id": "z/1", "name": "w", "public_ips": [{"address": "203.0.113.30"}]},
        "scaleway_instance_private_nic.n": {"id": "z/2", "server_id": "z/1"},
        "scaleway_ipam_ip.i": {"address": "10.0.1.4/22", "resource": [{"id": "z/2"}]},
    },
    "oci": {
        "oci_core_instance.w": {"id": "o", "display_name": "w", "public_ip": "203.0.113.30"},
        "oci_core_vnic_attachment.v": {"instance_id": "o", "vnic_id": "v", "create_vnic_details": [{"private_ip": "10.0.1.4"}]},
    },
    "exoscale": {
        "exoscale_compute_instance.w": {"id": "e", "name": "w", "public_ip_address": "203.0.113.30"},
        "exoscale_nic.n": {"compute_id": "e", "ip_address": "10.0.1.4"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BOTH)
def test_private_before_public(world: World, name: str) -> None:
    inventory = load(world, BOTH[name])
    assert {name: host["cluster_address"] for name, host in inventory.hosts.items()} == {"w": "10.0.1.4"}
    assert inventory.warnings == []


def test_the_object_beside_may_be_in_another_stack(world: World) -> None:
    server, *others = BOTH["hcloud"].items()
    state(world, dict(others), "network")
    state(world, dict([server]))
    world.document.update(
        stacks={"n": {"state": "network.json"}, "s": {"state": "nodes.json"}},
        clusters={"c": {"engine": "managed", "pools": {"p": {"hosts": "s.resources.hcloud_server.w"}}}},
        host={"connect": "each.public"},
    )
    host = world.load().hosts["w"]
    assert (host["cluster_address"], host["ansible_host"]) == ("10.0.1.4", "203.0.113.30")


PUBLIC: dict[str, Resources] = {
    "aws": {
        "aws_instance.w": {"id": "i-1", "tags": {"Name": "w"}, "private_ip": "10.0.1.4"},
        "aws_eip_association.a": {"instance_id": "i-1", "allocation_id": "eipalloc-1"},
        "aws_eip.e": {"id": "eipalloc-1", "public_ip": "203.0.113.30"},
    },
    "hcloud": {
        "hcloud_server.w": {"id": "17", "name": "w", "network": [{"ip": "10.0.1.4"}]},
        "hcloud_floating_ip_assignment.a": {"server_id": 17, "floating_ip_id": 18},
        "hcloud_floating_ip.f": {"id": "18", "ip_address": "203.0.113.30"},
    },
    "openstack": {
        "openstack_compute_instance_v2.w": {"id": "a", "name": "w", "network": [{"fixed_ip_v4": "10.0.1.4", "port": "b"}]},
        "openstack_networking_floatingip_associate_v2.f": {"port_id": "b", "floating_ip": "203.0.113.30"},
    },
    "aws with the address from before": {
        "aws_instance.w": {"id": "i-1", "tags": {"Name": "w"}, "private_ip": "10.0.1.4", "public_ip": "198.51.100.7"},
        "aws_eip.e": {"id": "eipalloc-1", "instance": "i-1", "public_ip": "203.0.113.30"},
    },
    "aws with an association": {
        "aws_instance.w": {"id": "i-1", "tags": {"Name": "w"}, "private_ip": "10.0.1.4", "public_ip": "198.51.100.7"},
        "aws_eip_association.a": {"instance_id": "i-1", "public_ip": "203.0.113.30"},
    },
    "azure": BOTH["azure"],
    "scaleway": {
        "scaleway_instance_server.w": {"id": "z/1", "name": "w", "ip_id": "z/9", "private_ip": "10.0.1.4"},
        "scaleway_instance_ip.i": {"id": "z/9", "address": "203.0.113.30"},
    },
    "google": {"google_compute_instance.w": {"name": "w", "network_interface": [
        {"network_ip": "10.0.1.4", "access_config": [{"nat_ip": "203.0.113.30"}]}]}},
    "digitalocean": {
        "digitalocean_droplet.w": {"id": "5", "name": "w", "ipv4_address_private": "10.0.1.4"},
        "digitalocean_reserved_ip_assignment.r": {"droplet_id": 5, "ip_address": "203.0.113.30"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_connect_may_take_the_public_address(world: World, name: str) -> None:
    host = load(world, PUBLIC[name], host={"connect": ["each.public", "each.private"]}).hosts["w"]
    assert (host["cluster_address"], host["ansible_host"]) == ("10.0.1.4", "203.0.113.30")


def test_falling_back_to_a_public_address_is_a_warning_that_names_it(world: World) -> None:
    for ours in (
        {"hcloud_server.w": {"name": "w", "ipv4_address": "203.0.113.30"}},
        {"proxmox_virtual_environment_vm.w": {"name": "w", "ipv4_addresses": [["127.0.0.1"], ["203.0.113.30"]]}},
        {"aws_instance.w": {"id": "w", "public_ip": "203.0.113.30"}},
    ):
        inventory = load(world, ours)
        assert inventory.hosts["w"]["cluster_address"] == "203.0.113.30"
        assert inventory.warnings == [
            f"{world.path}: clusters.c.pools.p: no private address is known, so cluster services would listen on a public one: "
            "w 203.0.113.30"
        ]
    assert load(world, ours, networks=["203.0.113.0/24"]).warnings == [], "what the file itself says needs no warning"
    assert load(world, ours, host={"address": "public_ip"}).warnings == []
    assert len(load(world, ours, host={"address": ["private_ip", "public_ip"]}).warnings) == 1
    assert (
        address(world, {"aws_instance.w": {"id": "w", "private_ip": "198.51.100.1", "public_ip": "203.0.113.30"}})
        == "198.51.100.1"
    )


def test_a_value_of_an_output(world: World) -> None:
    state = world.state("network")
    hosts = [
        {"name": "a", "public_ip": "203.0.113.1", "private_ip": "10.0.0.1"},
        {"name": "b", "address": "203.0.113.2"},
        "10.0.0.3",
    ]
    state["outputs"]["hosts"] = {"value": hosts}
    world.write("network", state)
    world.document.update(
        host={}, clusters={"c": {"engine": "managed", "pools": {"p": {"hosts": "network.outputs.hosts"}}}}
    )
    inventory = world.load()
    assert {name: host["cluster_address"] for name, host in inventory.hosts.items()} == {
        "a": "10.0.0.1", "b": "203.0.113.2", "ip-10-0-0-3": "10.0.0.3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("aws:ec2/instance:Instance", "aws_instance"),
        ("aws:rds/instance:Instance", "aws:rds/instance:Instance"),
        ("gcp:compute/instance:Instance", "google_compute_instance"),
        ("azure:compute/linuxVirtualMachine:LinuxVirtualMachine", "azurerm_linux_virtual_machine"),
        ("azure:network/networkInterface:NetworkInterface", "azurerm_network_interface"),
        ("openstack:networking/floatingIpAssociate:FloatingIpAssociate", "openstack_networking_floatingip_associate_v2"),
        ("hcloud:index/serverNetwork:ServerNetwork", "hcloud_server_network"),
        ("oci:Core/instance:Instance", "oci_core_instance"),
        ("aws:eks/nodeGroup:NodeGroup", "aws_eks_node_group"),
        ("AWS::EC2::Instance", "AWS::EC2::Instance"),
    ],
)  # fmt: skip
def test_types_of_pulumi_are_those_of_terraform(kind: str, known: str) -> None:
    assert host_types.canonical(kind) == known


def test_pulumi_joins_as_terraform_does(world: World) -> None:
    urn = "urn:pulumi:dev::shop::{0}::{1}"
    found = {
        "hcloud:index/server:Server": {"name": "w", "ipv4Address": "203.0.113.30"},
        "hcloud:index/serverNetwork:ServerNetwork": {"serverId": 17, "ip": "10.0.1.4"},
    }
    resources = [
        {"urn": urn.format(kind, "w"), "type": kind, "custom": True, "id": "17", "outputs": outputs}
        for kind, outputs in found.items()
    ]
    world.write("pulumi", {"version": 3, "deployment": {"resources": resources}})
    world.document.update(
        stacks={"s": {"pulumi": "pulumi.json"}},
        host={},
        clusters={"c": {"engine": "managed", "pools": {"p": {"hosts": "s.resources.**Server::w"}}}},
    )
    assert world.load().hosts["w"]["cluster_address"] == "10.0.1.4"


def test_objects_with_one_id_are_no_way_from_one_server_to_another(world: World) -> None:
    ours = {
        "hcloud_server.w": {"id": "2", "name": "w", "ipv4_address": "203.0.113.1"},
        "hcloud_server_network.w": {"id": "1", "server_id": 2, "ip": "127.0.0.1"},
        "hcloud_server.other": {"id": "1", "name": "other", "ipv4_address": ""},
        "hcloud_server_network.other": {"id": "1", "server_id": 1, "ip": "10.0.0.1"},
    }
    assert address(world, ours) == "203.0.113.1"


# 4. An address that is printed in place of one that is built


def test_terraform_0_12_prints_no_module_and_no_index(world: World) -> None:
    def server(number: int, **more: Any) -> dict[str, Any]:
        values = {"id": f"i-{number}", "private_ip": f"10.0.0.{number}"}
        return {
            "address": "aws_instance.web",
            "mode": "managed",
            "type": "aws_instance",
            "name": "web",
            "values": values,
            **more,
        }

    child = {"address": "module.a.module.b", "resources": [server(3, index="x.y")]}
    root = {
        "resources": [server(1, index=0), server(2, index=1), server(9, mode="data")],
        "child_modules": [{"address": "module.a", "child_modules": [child]}],
    }
    world.write("nodes", {"format_version": "0.1", "terraform_version": "0.12.31", "values": {"root_module": root}})
    world.document.update(stacks={"s": {"show": "nodes.json"}}, host={})
    for reference, addresses_ in {
        "aws_instance.web": ["aws_instance.web[0]", "aws_instance.web[1]"],
        "aws_instance.web[1]": ["aws_instance.web[1]"],
        "module.**.aws_instance.web": ['module.a.module.b.aws_instance.web["x.y"]'],
        "data.aws_instance.web": ["data.aws_instance.web"],
    }.items():
        world.document["clusters"] = {"c": {"engine": "managed", "pools": {"p": {"hosts": f"s.resources.{reference}"}}}}
        assert [host["stack"]["address"] for host in world.load().hosts.values()] == addresses_


def test_two_resources_of_one_address(world: World) -> None:
    state = world.state("nodes")
    web = next(item for item in state["resources"] if item["type"] == "terraform_data")
    web["instances"][1]["index_key"] = 0
    world.write("nodes", state)
    with pytest.raises(StackError, match=r"module.web.terraform_data.web\[0\] is listed twice"):
        world.load()


# 5. Silence about what was left out


def test_servers_and_pools_that_no_cluster_names(world: World) -> None:
    inventory = load(
        world,
        {
            "aws_instance.a": {"id": "a", "private_ip": "10.0.0.1"},
            "aws_instance.b": {"id": "b", "private_ip": "10.0.0.2"},
            "aws_autoscaling_group.c": {"name": "c"},
            "aws_vpc.d": {},
        },
    )
    assert inventory.warnings == [
        f"{world.folder}/nodes.json: holds machine-like resources that no cluster names: aws_autoscaling_group (1), aws_instance (1)"
    ]


def test_a_server_with_the_address_of_another_is_told_all_the_same(world: World) -> None:
    found = {
        "hcloud_server.a": {"name": "a", "network": [{"ip": "10.0.0.1"}]},
        "aws_instance.b": {"id": "b", "private_ip": "10.0.0.1"},
    }
    assert "aws_instance (1)" in load(world, found).warnings[0]


def test_what_a_cluster_has_by_another_way_is_named(world: World) -> None:
    found = {"aws_instance.a": {"id": "a", "private_ip": "10.0.0.1"}, "aws_autoscaling_group.c": {"name": "c"}}
    state(world, found)
    document = world.state("nodes")
    document["outputs"] = {"hosts": {"value": [{"name": "a", "private_ip": "10.0.0.1"}]}}
    world.write("nodes", document)
    world.write("members", {"c": [{"name": "c1", "private_ip": "10.0.0.3"}]})
    pools = {"p": {"hosts": "s.outputs.hosts"}, "q": {"hosts": "s.resources.aws_autoscaling_group.c"}}
    world.document.update(
        stacks={"s": {"state": "nodes.json", "members": "members.json"}}, host={}, clusters={"c": {"engine": "managed", "pools": pools}}
    )  # fmt: skip
    assert world.load().warnings == []


# 6. A part taken for the whole


@pytest.mark.parametrize(
    "mark",
    [{"NextToken": "x"}, {"nextToken": "x"}, {"next_token": "x"}, {"nextPageToken": "x"}, {"nextLink": "https://x"}, {"IsTruncated": True},
     {"Truncated": True}, {"NextMarker": "x"}, {"@odata.nextLink": "x"}, {"has_more": True}, {"links": {"next": "https://x"}},
     {"meta": {"pagination": {"next-page": 2}}}, {"metadata": {"continue": "x"}}, {"_links": {"next": {"href": "/x"}}}, {"next_cursor": "x"},
     {"links": {"pages": {"next": "https://x"}}}, {"ResponseMetadata": {"NextToken": "x"}}, {"continuationToken": "x"}, {"next": "https://x"},
     {"metadata": {"remainingItemCount": 5}}, {"incomplete_results": True}],
)  # fmt: skip
def test_a_page_of_a_listing_is_refused(world: World, mark: dict[str, Any]) -> None:
    for name, stack in (
        ("cloudformation", {"cloudformation": "cloudformation.json"}),
        ("instances", {"cloudformation": "cloudformation.json", "members": "instances.json"}),
        ("static", {"static": "static.json"}),
    ):
        content = world.state(name) if name != "static" else {"web": [{"name": "a", "address": "10.0.0.1"}]}
        world.write(name, {**content, **mark})
        world.document.update(stacks={"s": stack}, clusters={"c": {"engine": "managed", "pools": {}}})
        with pytest.raises(StackError, match=rf"{name}\.json: is a part of a listing that goes on"):
            world.load()
        world.write(name, {**content, **{key: value and type(value)() for key, value in mark.items()}})
        world.load()


@pytest.mark.parametrize(
    ("of", "all_of"),
    [({"page": 1, "total_pages": 3}, {"page": 3, "total_pages": 3}), ({"current_page": 1, "last_page": 2}, {"current_page": 1, "last_page": 1}),
     ({"meta": {"total": 2}}, {"meta": {"total": 1}}), ({"total_count": 9}, {"total_count": 1}),
     ({"meta": {"pagination": {"page": 1, "last_page": 3}}}, {"meta": {"pagination": {"page": 1, "last_page": 1, "next_page": None}}})],
)  # fmt: skip
def test_a_page_is_told_by_its_number_and_by_how_many_there_are(
    world: World, of: dict[str, Any], all_of: dict[str, Any]
) -> None:
    content = {"web": [{"name": "a", "address": "10.0.0.1"}]}
    world.write("static", {**content, **of})
    with pytest.raises(StackError, match=r"static\.json: is a part of a listing that goes on"):
        one(world, {"static": "static.json"}, "s.outputs.web")
    world.write("static", {**content, **all_of})
    assert one(world, {"static": "static.json"}, "s.outputs.web").hosts


@pytest.mark.parametrize("name", ["next", "metadata", "links", "pages", "next_token", "page"])
def test_outputs_may_have_the_names_of_such_marks(world: World, name: str) -> None:
    value = {"next": "https://x", "page": 1, "pages": 2}
    world.write("o", {name: {"value": value, "type": "x"}, "web": {"value": ["10.0.0.1"]}})
    assert one(world, {"outputs": "o.json"}, "s.outputs.web").hosts


def test_stacks_within_a_stack_are_told(world: World) -> None:
    content = world.state("cloudformation")
    nested = {
        "LogicalResourceId": "Inner",
        "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": "CREATE_COMPLETE",
    }
    content["StackResourceSummaries"] = [*content.get("StackResourceSummaries", []), nested]
    world.write("cloudformation", content)
    inventory = one(world, {"cloudformation": "cloudformation.json", "members": "instances.json"}, "s.outputs.Hosts")
    assert any(
        "lists nothing of the stacks within it, Inner: give each that holds" in text for text in inventory.warnings
    )


@pytest.mark.parametrize(
    ("kind", "told"),
    [("harvester_virtualmachine", True), ("hivelocity_bare_metal_device", True), ("proxmox_virtual_environment_vm2", True), ("gcore_instancev2", True),
     ("equinix_metal_spot_market_request", True), ("huaweicloud_as_group", True), ("google_bigtable_instance", False), ("azurerm_bastion_host", False),
     ("google_workbench_instance", False), ("aws_transfer_server", False)],
)  # fmt: skip
def test_what_sounds_like_a_machine(kind: str, told: bool) -> None:
    assert host_types.machine_like(kind) is told


@pytest.mark.parametrize(
    ("kind", "attributes", "fault"),
    [
        ("data.hcloud_servers", {"servers": [{"name": "a", "ipv4_address": "203.0.113.5"}]}, "is a list of servers"),
        ("data.digitalocean_droplets", {"droplets": [{"ipv4_address_private": "10.0.0.5"}]}, "is a list of servers"),
        ("data.aws_instances", {"ids": ["a", "b"], "private_ips": ["10.0.0.5", "10.0.0.6"]}, "is a list of servers"),
        ("data.exoscale_compute_instance_list", {"instances": [{"ip": "10.0.0.5"}]}, "is a list of servers"),
        ("hcloud_load_balancer", {"name": "a", "ipv4": "203.0.113.5"}, "is no server, by its type"),
        ("hcloud_floating_ip", {"name": "a", "ip_address": "203.0.113.5"}, "is no server, by its type"),
        ("digitalocean_kubernetes_cluster", {"name": "a", "ipv4_address": "203.0.113.5"}, "is no server, by its type"),
        ("google_sql_database_instance", {"name": "a", "private_ip_address": "10.0.0.5"}, "is no server, by its type"),
        ("openstack_containerinfra_cluster_v1", {"node_addresses": ["10.0.0.5"]}, "is no server, by its type"),
        ("exoscale_instance_pool", {"instances": [{"public_ip_address": "203.0.113.5"}]}, "makes servers that no state"),
        ("terraform_data", {"zone": "a", "servers": [{"ip": "10.0.0.5"}, {"ip": "10.0.0.6"}]}, "has no address"),
    ],
)  # fmt: skip
def test_one_address_of_many_is_not_taken_for_that_of_a_server(
    world: World, kind: str, attributes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(StackError, match=fault):
        load(world, {f"{kind}.w": {"id": "w", **attributes}})


def test_who_says_where_the_address_is_means_it(world: World) -> None:
    ours = {"id": "w", "public": {"ip": "203.0.113.5"}}
    inventory = load(world, {"own_virtual_interface.w": ours}, host={"address": "public.ip"})
    assert inventory.hosts["w"]["cluster_address"] == "203.0.113.5"


def test_two_pages_are_not_put_together_by_leaving_one_out(world: World) -> None:
    world.write("again", world.state("cloudformation"))
    world.document["stacks"] = {"s": {"cloudformation": ["cloudformation.json", "again.json"]}}
    with pytest.raises(StackError, match="again.json: holds .* again, as a file before it does"):
        world.load()


def test_a_call_that_never_lists_more(world: World) -> None:
    content = world.state("cloudformation")
    content.pop("StackResourceSummaries", None)
    entry = {"ResourceType": "AWS::EC2::VPC", "ResourceStatus": "CREATE_COMPLETE"}
    content["StackResources"] = [{**entry, "LogicalResourceId": f"V{number}"} for number in range(100)]
    world.write("cloudformation", content)
    world.document["stacks"] = {"s": {"cloudformation": "cloudformation.json"}}
    with pytest.raises(StackError, match="lists 100 resources, and `describe-stack-resources` never lists more"):
        world.load()


def test_a_plan_of_a_part_says_so(world: World) -> None:
    world.write("plan", {**world.state("nodes.plan"), "complete": False})
    world.document["stacks"]["nodes"] = {"show": "plan.json"}
    world.document["host"] = {"name": "input.name", "address": "input.private_ip"}
    del world.cluster()["managers"], world.cluster()["pools"]["batch"]
    world.cluster()["engine"] = "managed"
    assert f"{world.folder}/plan.json: is a plan of a part of the stack only (complete: false)" in world.load().warnings


# 7. Two hosts of a cluster with one address


@pytest.mark.parametrize(
    ("first", "second"),
    [("10.0.0.1", "10.0.0.1"), ("10.0.0.1", "::ffff:10.0.0.1"), ("2001:DB8::1", "[2001:db8:0::1]"), ("10.0.0.1", "10.0.0.1/24")],
)  # fmt: skip
def test_two_hosts_of_a_cluster_have_two_addresses(world: World, first: str, second: str) -> None:
    ours = {f"aws_instance.{name}": {"id": name, "private_ip": ip} for name, ip in (("a", first), ("b", second))}
    with pytest.raises(StackError, match=r"b \(aws_instance\.b\) has the address .*, which is a's as well\."):
        load(world, ours, "aws_instance.*")


def test_nor_is_one_reached_by_the_address_of_the_other(world: World) -> None:
    ours = {
        "aws_instance.a": {"id": "a", "private_ip": "10.0.0.1", "dns": "X.example.org"},
        "aws_instance.b": {"id": "b", "private_ip": "10.0.0.2", "dns": "x.example.org."},
    }
    with pytest.raises(StackError, match="has the address x.example.org, which is a's as well"):
        load(world, ours, "aws_instance.*", host={"connect": "dns"})
    ours["aws_instance.b"]["dns"] = "10.0.0.1"
    with pytest.raises(StackError, match="has the address 10.0.0.1, which is a's as well"):
        load(world, ours, "aws_instance.*", host={"connect": "dns"})


# 8. Marks of a format that are not known


def test_unknown_features_of_pulumi(world: World) -> None:
    assert pulumi(world, {"token": "x"}, "token", version=4, features=["refreshBeforeUpdate", "taint"]) == Secret("x")
    with pytest.raises(StackError, match=r"pulumi\.json: has features that are not known here: otherLayout\. Update"):
        pulumi(world, {"token": "x"}, "token", version=4, features=["taint", "otherLayout"])
    with pytest.raises(StackError, match="features is a string"):
        pulumi(world, {"token": "x"}, "token", version=4, features="otherLayout")


def test_unknown_status_of_an_instance(world: World) -> None:
    content = world.state("nodes")
    next(item for item in content["resources"] if item["type"] == "terraform_data")["instances"][0]["status"] = "frozen"
    world.write("nodes", content)
    with pytest.raises(
        StackError, match=r"module.web.terraform_data.web\[0\] has the status 'frozen', which is not known here"
    ):
        world.load()


def test_unknown_status_of_a_resource(world: World) -> None:
    content = world.state("cloudformation")
    resources = content.get("StackResourceSummaries") or content["StackResources"]
    next(item for item in resources if item["LogicalResourceId"] == "Manager")["ResourceStatus"] = "FROZEN"
    world.write("cloudformation", content)
    world.document["stacks"]["s"] = {"cloudformation": "cloudformation.json", "members": "instances.json"}
    world.cluster()["pools"]["web"] = {"hosts": "s.resources.Manager"}
    with pytest.raises(StackError, match="Manager has the status 'FROZEN', which is not known here"):
        world.load()


# Names


def test_no_text_of_a_stack_steers_the_terminal(world: World) -> None:
    key, told = "a\x1b[2J\u202e\x9b", r"a\x1b[2J\u202e\x9b"
    off = {f"aws_instance.{key}": {"tags": {"Name": "w1"}, "private_ip": "10.0.0.1", "instance_state": "stopped"}}
    with pytest.raises(StackError) as caught:
        load(world, off, "aws_instance.*")
    assert told in str(caught.value) and str(caught.value).isprintable()
    both = {**off, "aws_instance.w": {"tags": {"Name": "w2"}, "private_ip": "10.0.0.2"}}
    warnings = load(world, both, "aws_instance.*").warnings
    assert any(told in warning for warning in warnings) and all(warning.isprintable() for warning in warnings)


@pytest.mark.parametrize(
    "name",
    ["localhost", "LocalHost", "x.localhost", "localhost4", "localhost.localdomain", "ip6-localhost", "10.0.1.11", "127.1", "0x7f.1",
     "2130706433", "server.global.nomad", "x.NOMAD", "client.eu.nomad", "server.dc1.consul", "kubernetes", "kubernetes.default",
     "kubernetes.default.svc.cluster.local", "web.default.svc", "x.cluster.local", "system:node:a", "host.docker.internal",
     "cluster_part_manager", "Cluster_Answers", "NAME.placeholder", "x.placeholder", "x.invalid", "_meta",
     "_gateway", "_outbound", "_localdnsstub", "gateway.docker.internal", "kubernetes.docker.internal", "host.lima.internal",
     "metadata.google.internal", "instance-data", "instance-data.ec2.internal"],
)  # fmt: skip
def test_a_name_that_means_something_else_is_no_hosts(world: World, name: str) -> None:
    with pytest.raises(StackError, match=re.escape(f"has the text '{name}' as its name, which is")):
        load(world, {"aws_instance.w": {"tags": {"Name": name}, "private_ip": "10.0.0.1"}})


@pytest.mark.parametrize(
    "name", ["nomad", "consul", "nomad1", "m.3", "7", "kubernetes1", "server.nomad.example.org", "ip-10-0-0-1", "i-0ab"]
)
def test_other_names_are_fine(name: str) -> None:
    assert not names.reserved(name)


def test_a_node_is_not_called_as_the_endpoint(world: World) -> None:
    ours = {"aws_instance.w": {"id": "API.example.org", "private_ip": "10.0.0.1"}}
    for endpoint in ("https://api.example.org:6443", "api.example.org.", "api.example.org:4646"):
        with pytest.raises(
            StackError, match="has the name of the cluster's endpoint, and would get a certificate for it"
        ):
            load(world, ours, endpoint=endpoint)
    assert load(world, ours, endpoint="https://api2.example.org").hosts


def test_names_differ_by_more_than_their_case(world: World) -> None:
    ours = {
        f"aws_instance.{name}": {"id": name, "private_ip": f"10.0.0.{number}"}
        for number, name in ((1, "web"), (2, "Web"))
    }
    with pytest.raises(StackError, match="two hosts have the name Web"):
        load(world, ours, "aws_instance.*")


MISREAD: list[tuple[dict[str, Any], str]] = [
    ({"clusters": {"all": {}}}, "group all: would hold all hosts and cluster all. Rename"),
    ({"clusters": {"ungrouped": {}}}, "group ungrouped: would hold"),
    ({"clusters": {"localhost": {}}}, "group localhost: would hold the controller and cluster localhost"),
    ({"clusters": {"clusters": {}}}, "group clusters: would hold all clusters and cluster clusters"),
    ({"clusters": {"a_pool_b": {}}}, "group a_pool_b: would hold cluster a_pool_b and be taken for a pool"),
    ({"clusters": {"a_pool": {}}}, "group a_pool_managers: would hold the managers of cluster a_pool and be taken for a pool"),
    ({"clusters": {"a_managers": {}}}, "clusters.a_managers: would give a group that is taken for another"),
    ({"clusters": {"a": {}, "a_nodes": {}}}, "group a_nodes: would hold the host nodes of cluster a and cluster a_nodes"),
    ({"clusters": {"a": {"environment": "x-pool-y"}}}, "group environment_x_pool_y: would hold environment x-pool-y and be taken for a pool"),
    ({"clusters": {"a": {"pools": {"all": {"size": 0}}}}}, "clusters.a.pools.all: would give a group that is taken for another"),
    ({"clusters": {"a": {"pools": {"b-pool-c": {"size": 0}}}}}, "clusters.a.pools.b-pool-c: would give a group"),
    ({"clusters": {"a": {"pools": {"pool_c": {"size": 0}}}}}, "clusters.a.pools.pool_c: would give a group"),
    ({"keyed_groups": [{"key": "cluster_part", "prefix": "db_pool"}]}, "would put w into db_pool_node, a name that the clusters use"),
    ({"keyed_groups": [{"key": "cluster_part", "parent_group": "c_managers"}]}, "would put w into c_managers, a name that the clusters use"),
    ({"keyed_groups": [{"key": "cluster_part", "parent_group": "all_pool_x"}]}, "would put w into all_pool_x"),
    ({"groups": {"db_managers": "cluster_part"}}, "would put w into db_managers, a name that the clusters use"),
    ({"keyed_groups": [{"key": "cluster_part", "prefix": "cluster_part"}]}, "would put w into cluster_part_node, a name that the clusters use"),
    ({"clusters": {"upgrade_nodes": {}}}, "group upgrade_nodes: would hold cluster upgrade_nodes and be taken for one that the playbooks make"),
    ({"groups": {"all": "cluster_part"}}, "would put w into all"),
    ({"groups": {"localhost": "cluster_part"}}, "would put w into localhost"),
    ({"keyed_groups": [{"key": "meta", "prefix": ""}]}, "would put w into _meta"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISREAD)
def test_groups_that_would_be_taken_for_others(world: World, change: dict[str, Any], message: str) -> None:
    load(world, {"aws_instance.w": {"id": "w", "private_ip": "10.0.0.1", "meta": "_meta"}})
    for cluster in change.get("clusters", {}).values():
        cluster.update(engine="managed")
    world.document.update(change)
    with pytest.raises(StackError, match=re.escape(message)):
        world.load()


@pytest.mark.parametrize("pool", ["web-pool", "pool", "members", "managers", "pools"])
def test_pools_of_other_names_are_fine(world: World, pool: str) -> None:
    load(world, {"aws_instance.w": {"id": "w", "private_ip": "10.0.0.1"}})
    world.document["clusters"]["c"]["pools"] = {pool: {"hosts": "s.resources.aws_instance.w"}}
    assert world.load().hosts


# What a stack that describes itself may set


def described(world: World, variables: dict[str, Any]) -> Inventory:
    del world.document["clusters"]
    content = world.state("nodes")
    content["outputs"]["clusters"]["value"]["described"]["vars"] = variables
    world.write("nodes", content)
    return world.load()


@pytest.mark.parametrize(
    "name",
    ["cluster_bundle", "cluster_no_log", "cluster_remove_orphans", "cluster_become", "cluster", "cluster_secrets_store", "host_node_sysctls",
     "cluster_manager_nomad_config", "mesh_sidecar_provider", "keelson_x", "enroll_pool", "bundle_directory", "become", "environment",
     "hostvars", "groups", "ansible_connection", "my_variable", "Site_x"],
)  # fmt: skip
def test_a_stack_sets_nothing_else(world: World, name: str) -> None:
    with pytest.raises(
        StackError,
        match=rf"outputs\.clusters\.described\.vars\.{name}: (is none of the variables that|would let) a stack",
    ):
        described(world, {name: "x"})


def test_a_stack_sets_what_it_knows(world: World) -> None:
    given = {"cluster_vip": "10.61.3.100", "site_dns": ["10.0.0.2"], "motd": "hello"}
    variables = described(world, given).groups["described"].variables
    assert {name: variables[name] for name in given} == given


# CloudFormation, whose lists are put together


def cloudformation(
    world: World, change: Callable[[dict[str, Any], dict[str, Any]], None], hosts: str = "Manager"
) -> Inventory:
    stack, instances = world.state("cloudformation"), world.state("instances")
    change(stack, instances)
    world.write("cloudformation", stack)
    world.write("instances", instances)
    return one(world, {"cloudformation": "cloudformation.json", "members": "instances.json"}, f"s.resources.{hosts}")


def test_an_output_of_cloudformation_that_is_listed_twice(world: World) -> None:
    with pytest.raises(StackError, match="cloudformation.json: lists the output Hosts twice"):
        cloudformation(
            world,
            lambda stack, _: stack["Stacks"][0]["Outputs"].append({"OutputKey": "Hosts", "OutputValue": "10.0.0.9"}),
        )


def test_an_instance_that_members_do_not_list(world: World) -> None:
    assert cloudformation(world, lambda stack, instances: None).hosts
    with pytest.raises(
        StackError, match="Manager is the instance i-0001, which `members:` do not list. List the instances anew"
    ):
        cloudformation(world, lambda _, instances: instances["Reservations"].pop(0))


@pytest.mark.parametrize(
    ("instance", "found"),
    [
        ({"NetworkInterfaces": [{"PrivateIpAddress": "10.0.0.7"}]}, "10.0.0.7"),
        ({"NetworkInterfaces": [{"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.7"}]}]}, "10.0.0.7"),
        ({"Ipv6Address": "fd00::7"}, "fd00::7"),
        ({"NetworkInterfaces": [{"Ipv6Addresses": [{"Ipv6Address": "fd00::7"}]}]}, "fd00::7"),
    ],
)  # fmt: skip
def test_every_address_of_a_described_instance_is_known(world: World, instance: dict[str, Any], found: str) -> None:
    for own in ec2.described({"Reservations": [{"Instances": [{"InstanceId": "i-1", **instance}]}]}):
        world.write("o", {"h": {"value": [own]}})
        world.document.update(
            stacks={"s": {"outputs": "o.json"}},
            clusters={"c": {"engine": "managed", "pools": {"p": {"hosts": "s.outputs.h"}}}},
            host={},
        )
        assert world.load().hosts["i-1"]["cluster_address"] == found
        assert host_types.HOSTS["AWS::EC2::Instance"].private[-1] == "private_ips.*"


def test_a_resource_that_was_deleted_outside(world: World) -> None:
    def drifted(stack: dict[str, Any], _instances: Any) -> None:
        listed = stack.get("StackResourceSummaries") or stack["StackResources"]
        found = next(item for item in listed if item["LogicalResourceId"] == "Manager")
        found["DriftInformation"] = {"StackResourceDriftStatus": "DELETED"}

    with pytest.raises(StackError, match="Manager: it was deleted outside of CloudFormation"):
        cloudformation(world, drifted)
