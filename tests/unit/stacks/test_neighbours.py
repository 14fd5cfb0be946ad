# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private address is found wherever the stack holds it: in another attribute, or in an object beside the server."""

from __future__ import annotations

from typing import Any

import pytest
from stacks_world import World, one

PRIVATE, PUBLIC = "10.0.0.5", "203.0.113.9"
# Each: attributes of resources by address; the first is the server, which has the public address too.
STACKS: list[dict[str, dict[str, Any]]] = [
    {
        "openstack_compute_instance_v2.w": {"id": "o", "name": "w", "access_ip_v4": PUBLIC, "network": [{"port": "p", "fixed_ip_v4": ""}]},
        "openstack_networking_port_v2.p": {"id": "p", "all_fixed_ips": [PRIVATE]},
    },
    {
        "azurerm_linux_virtual_machine.w": {"name": "w", "public_ip_address": PUBLIC, "network_interface_ids": ["/a/nic"]},
        "azurerm_network_interface.n": {"id": "/A/NIC", "private_ip_address": PRIVATE},
    },
    {"upcloud_server.w": {"hostname": "w", "network_interface": [
        {"type": "public", "ip_address": PUBLIC}, {"type": "private", "ip_address": "", "additional_ip_address": [{"ip_address": PRIVATE}]},
    ]}},
    {"linode_instance.w": {"label": "w", "ip_address": PUBLIC, "interface": [{"purpose": "vlan", "ipam_address": f"{PRIVATE}/24"}]}},
    {"linode_instance.w": {"label": "w", "ip_address": PUBLIC, "config": [{"interface": [{"ipam_address": f"{PRIVATE}/24"}]}]}},
    {
        "linode_instance.w": {"id": "7", "label": "w", "ip_address": PUBLIC},
        "linode_instance_config.c": {"linode_id": 7, "interface": [{"purpose": "vlan", "ipam_address": f"{PRIVATE}/24"}]},
    },
    {
        "scaleway_instance_server.w": {"id": "fr-par-1/s", "name": "w", "public_ips": [{"address": PUBLIC}]},
        "scaleway_instance_private_nic.n": {"id": "fr-par-1/s/n", "server_id": "s"},
        "scaleway_ipam_ip.i": {"id": "fr-par/i", "address": f"{PRIVATE}/22", "resource": [{"id": "n"}]},
    },
    {
        "scaleway_instance_server.w": {"id": "fr-par-1/s", "name": "w", "public_ip": PUBLIC, "private_network": [{"mac_address": "02:00"}]},
        "data.scaleway_ipam_ip.i": {"id": "fr-par/i", "address": PRIVATE, "mac_address": "02:00"},
    },
    {
        "oci_core_instance.w": {"id": "o", "display_name": "w", "public_ip": PUBLIC},
        "oci_core_vnic_attachment.a": {"instance_id": "o", "vnic_id": "v"},
        "data.oci_core_vnic.v": {"id": "v", "vnic_id": "v", "private_ip_address": PRIVATE},
    },
    {"equinix_metal_device.w": {"hostname": "w", "access_public_ipv4": PUBLIC, "network": [{"address": PUBLIC}, {"address": PRIVATE}]}},
    {
        "ibm_is_instance.w": {"id": "w", "name": "w", "primary_network_attachment": [{"virtual_network_interface": [{"id": "v"}]}]},
        "ibm_is_virtual_network_interface.v": {"id": "v", "primary_ip": [{"address": PRIVATE}]},
    },
    {
        "libvirt_domain.w": {"id": 3, "name": "w"},
        "data.libvirt_domain_interface_addresses.a": {"domain": "3", "interfaces": [{"addrs": [{"addr": "fe80::1"}, {"addr": PRIVATE}]}]},
    },
    {"vsphere_virtual_machine.w": {"name": "w", "clone": [{"customize": [{"network_interface": [{"ipv4_address": PRIVATE}]}]}]}},
    {"proxmox_virtual_environment_vm.w": {
        "name": "w", "ipv4_addresses": [], "initialization": [{"ip_config": [{"ipv4": [{"address": f"{PRIVATE}/24"}]}]}],
    }},
    {"proxmox_virtual_environment_container.w": {
        "initialization": [{"hostname": "w", "ip_config": [{"ipv4": [{"address": f"{PRIVATE}/24"}]}]}],
    }},
    {"proxmox_virtual_environment_container.w": {
        "initialization": [{"hostname": "w", "ip_config": [{"ipv4": [{"address": "dhcp"}]}]}], "ipv4": {"lo": "127.0.0.1", "eth0": PRIVATE},
    }},
    {
        "aws_instance.w": {"id": "i", "tags": {"Name": "w"}, "public_ip": PUBLIC, "primary_network_interface": [{"network_interface_id": "e"}]},
        "aws_network_interface.e": {"id": "e", "private_ip": PRIVATE},
    },
    {
        "aws_instance.w": {"id": "i", "tags": {"Name": "w"}, "public_ip": PUBLIC},
        "data.aws_network_interface.e": {"id": "e", "private_ip": PRIVATE, "attachment": [{"instance_id": "i"}]},
    },
    {
        "openstack_compute_instance_v2.w": {"id": "i", "name": "w", "access_ip_v4": PUBLIC},
        "openstack_compute_floatingip_associate_v2.f": {"instance_id": "i", "floating_ip": PUBLIC, "fixed_ip": PRIVATE},
    },
    {
        "openstack_compute_instance_v2.w": {"id": "i", "name": "w", "access_ip_v4": PUBLIC, "network": [{"port": "p"}]},
        "openstack_networking_floatingip_v2.f": {"port_id": "p", "address": PUBLIC, "fixed_ip": PRIVATE},
    },
    *(
        {
            "linode_instance.w": {"id": "5", "label": "w", "ip_address": PUBLIC},
            "linode_interface.n": {"linode_id": 5, **interface},
        }
        for interface in (
            {"vpc": {"ipv4": {"addresses": [{"address": "auto"}], "assigned_addresses": [{"address": PRIVATE}]}}},
            {"vpc": {"ipv4": {"addresses": [{"address": PRIVATE}]}}},
            {"vlan": {"ipam_address": f"{PRIVATE}/24"}},
        )
    ),
    *(
        {
            "scaleway_instance_server.w": {"id": "z/1", "name": "w", "public_ips": [{"address": PUBLIC}]},
            "scaleway_instance_private_nic.n": {"id": "z/1/2", "server_id": "z/1", "mac_address": "02:AA"},
            **beside,
        }
        for beside in (
            {"scaleway_ipam_ip.i": {"address": f"{PRIVATE}/22", "custom_resource": [{"mac_address": "02:aa"}]}},
            {"data.scaleway_ipam_ips.i": {"resource": [{"id": "2"}], "ips": [{"address": f"{PRIVATE}/22"}]}},
            {"scaleway_vpc_public_gateway_dhcp_reservation.r": {"mac_address": "02:aa", "ip_address": PRIVATE}},
        )
    ),
    *(
        {
            "ibm_is_instance.w": {"id": "i", "name": "w", "primary_network_interface": [{"id": "n0"}]},
            "ibm_is_floating_ip.f": {"target": "n0", "address": PUBLIC},
            **beside,
        }
        for beside in (
            {"ibm_is_instance_network_interface.n": {"instance": "i", "network_interface": "n1", "primary_ip": [{"address": PRIVATE}]}},
            {"ibm_is_instance_network_attachment.n": {"instance": "i", "virtual_network_interface": [{"id": "v"}], "primary_ip": [{"address": PRIVATE}]}},
            {"ibm_is_subnet_reserved_ip.r": {"target": "n0", "address": PRIVATE}},
        )
    ),
    {
        "oci_core_instance.w": {"id": "o", "display_name": "w", "public_ip": PUBLIC},
        "oci_core_vnic_attachment.a": {"instance_id": "o", "vnic_id": "v"},
        "data.oci_core_private_ips.p": {"vnic_id": "v", "private_ips": [{"ip_address": PRIVATE}]},
    },
    {
        "maas_instance.w": {"id": "m", "hostname": "w", "ip_addresses": [PUBLIC]},
        "maas_network_interface_link.l": {"machine": "m", "ip_address": PRIVATE},
    },
    {"google_compute_instance_from_machine_image.w": {
        "name": "w", "network_interface": [{"network_ip": PRIVATE, "access_config": [{"nat_ip": PUBLIC}]}],
    }},
    {"huaweicloud_compute_instance.w": {"name": "w", "public_ip": PUBLIC, "network": [{"fixed_ip_v4": PRIVATE, "gateway": "10.0.0.1"}]}},
    {"yandex_compute_instance.w": {"name": "w", "network_interface": [{"ip_address": PRIVATE, "nat_ip_address": PUBLIC, "dns_record": []}]}},
    {"nutanix_virtual_machine.w": {"name": "w", "nic_list_status": [{"ip_endpoint_list": [{"ip": PRIVATE}]}]}},
    {"xenorchestra_vm.w": {"id": "u", "name_label": "w", "ipv4_addresses": ["169.254.1.1", PRIVATE]}},
    {"proxmox_lxc.w": {"hostname": "w", "network": [{"ip": f"{PRIVATE}/24"}]}},
    {"proxmox_vm_qemu.w": {"name": "w", "default_ipv4_address": "", "ipconfig0": "ip=dhcp", "ipconfig1": f"ip={PRIVATE}/24,gw=10.0.0.1"}},
    {"multipass_instance.w": {"name": "w", "ipv4": [PUBLIC, PRIVATE]}},
]  # fmt: skip


@pytest.mark.parametrize("resources", STACKS, ids=lambda found: "+".join(found))
def test_a_private_address_before_a_public_one(world: World, resources: dict[str, dict[str, Any]]) -> None:
    listed = [
        {
            "mode": "data" if address.startswith("data.") else "managed",
            "type": address.split(".")[-2],
            "name": address.split(".")[-1],
            "instances": [{"attributes": attributes}],
        }
        for address, attributes in resources.items()
    ]
    world.write("nodes", {**world.state("nodes"), "resources": listed})
    inventory = one(world, {"state": "nodes.json"}, f"s.resources.{next(iter(resources))}")
    assert {name: host["cluster_address"] for name, host in inventory.hosts.items()} == {"w": PRIVATE}
    assert inventory.warnings == []


def test_the_network_interface_of_pulumi_azure_native(world: World) -> None:
    for module in ("compute", "compute/v20240301", "compute/v20210401preview"):
        server = {"name": "w", "networkProfile": {"networkInterfaces": [{"id": "/nic"}]}}
        nic = {"ipConfigurations": [{"privateIPAddress": PRIVATE}]}
        found = [
            (f"azure-native:{module}:VirtualMachine", "/vm", server),
            ("azure-native:network:NetworkInterface", "/nic", nic),
        ]
        resources = [
            {"urn": f"urn:pulumi:a::b::{kind}::w", "type": kind, "custom": True, "id": identity, "outputs": outputs}
            for kind, identity, outputs in found
        ]
        world.write("p", {"version": 3, "deployment": {"resources": resources}})
        inventory = one(world, {"pulumi": "p.json"}, "s.resources.**:VirtualMachine::w")
        assert [host["cluster_address"] for host in inventory.hosts.values()] == [PRIVATE]


@pytest.mark.parametrize(
    ("private", "public"),
    [("internal_ip", "ip"), ("internal_ip", "external_ip"), ("private_ipv4", "public_ipv4"), ("ipv4_address_private", "ipv4_address"),
     ("PrivateIp", "PublicIp"), ("PrivateIpAddress", "PublicIpAddress"), ("private_ip", "address"), ("privateIpAddress", "publicIpAddress")],
)  # fmt: skip
def test_objects_of_outputs(world: World, private: str, public: str) -> None:
    host = {"name": "w", public: PUBLIC, private: PRIVATE}
    for value in ([host], host, {"w": {public: PUBLIC, private: PRIVATE}}):
        world.write("o", {"h": {"value": value}})
        inventory = one(
            world, {"outputs": "o.json"}, "s.outputs.h", host={"connect": "each.public"} if public != "address" else {}
        )
        (found,) = inventory.hosts.values()
        assert (found["cluster_address"], found["ansible_host"]) == (
            PRIVATE,
            PUBLIC if public != "address" else PRIVATE,
        )


@pytest.mark.parametrize(
    "own",
    [{"private_ips": [PRIVATE]}, {"ipv4_addresses": [["127.0.0.1"], [PRIVATE]]}, {"fixed-ip": PRIVATE}, {"privateIPv4": PRIVATE}, {"internal": PRIVATE},
     {"network_interface": [{"network_ip": PRIVATE, "subnetwork": "10.0.0.0/24", "gateway_ip": "10.0.0.1"}]},
     {"gateway": "10.0.0.1", "dns_servers": ["10.0.0.2"], "tags": {"ip": "10.0.0.3"}, "vip": "10.0.0.4", "node_ip": PRIVATE}],
)  # fmt: skip
def test_objects_with_keys_of_any_names(world: World, own: dict[str, Any]) -> None:
    for value in ([{"name": "w", "public_ip": PUBLIC, **own}], {"name": "w", **own}, {"w": {"wan": PUBLIC, **own}}):
        world.write("o", {"h": {"value": value}})
        inventory = one(world, {"outputs": "o.json"}, "s.outputs.h")
        assert {name: host["cluster_address"] for name, host in inventory.hosts.items()} == {"w": PRIVATE}
        assert inventory.warnings == []


def test_of_several_private_addresses_under_such_keys_the_others_are_named(world: World) -> None:
    world.write("o", {"h": {"value": [{"name": "w", "lan_ip": PRIVATE, "storage_ip": "10.1.0.5"}]}})
    inventory = one(world, {"outputs": "o.json"}, "s.outputs.h")
    assert f"w {PRIVATE}, not 10.1.0.5" in inventory.warnings[0]
    world.document["clusters"]["c"]["networks"] = ["10.1.0.0/24"]
    assert world.load().hosts["w"]["cluster_address"] == "10.1.0.5"


def test_an_object_may_say_what_to_connect_to(world: World) -> None:
    world.write("o", {"h": {"value": [{"name": "w", "address": PRIVATE, "connect": PUBLIC}]}})
    (found,) = one(world, {"outputs": "o.json"}, "s.outputs.h").hosts.values()
    assert (found["cluster_address"], found["ansible_host"]) == (PRIVATE, PUBLIC)
