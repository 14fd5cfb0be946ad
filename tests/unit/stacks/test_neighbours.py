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
    {"proxmox_lxc.w": {"hostname": "w", "network": [{"ip": f"{PRIVATE}/24"}]}},
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


def test_an_object_may_say_what_to_connect_to(world: World) -> None:
    world.write("o", {"h": {"value": [{"name": "w", "address": PRIVATE, "connect": PUBLIC}]}})
    (found,) = one(world, {"outputs": "o.json"}, "s.outputs.h").hosts.values()
    assert (found["cluster_address"], found["ansible_host"]) == (PRIVATE, PUBLIC)
