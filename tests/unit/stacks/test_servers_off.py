# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that does not run, as its stack saw it last, is no host; nor is an entry without an address. Both are told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks.errors import StackError
from stacks_world import World, one

OFF: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *(("aws_instance", {"private_ip": "{ip}"}, {"instance_state": text}) for text in ("terminated", "shutting-down", "stopping", "stopped")),
    ("hcloud_server", {"network": [{"ip": "{ip}"}]}, {"status": "off"}),
    ("digitalocean_droplet", {"ipv4_address_private": "{ip}"}, {"status": "archive"}),
    ("google_compute_instance", {"network_interface": [{"network_ip": "{ip}"}]}, {"current_status": "TERMINATED"}),
    ("openstack_compute_instance_v2", {"access_ip_v4": "{ip}"}, {"power_state": "shutoff"}),
    ("linode_instance", {"private_ip_address": "{ip}"}, {"status": "offline"}),
    ("vultr_instance", {"internal_ip": "{ip}"}, {"power_status": "stopped"}),
    ("oci_core_instance", {"private_ip": "{ip}"}, {"state": "TERMINATED"}),
    ("scaleway_instance_server", {"private_ip": "{ip}"}, {"state": "stopped in place"}),
    ("ibm_is_instance", {"primary_network_interface": [{"primary_ip": [{"address": "{ip}"}]}]}, {"status": "stopped"}),
    ("exoscale_compute_instance", {"private_network_ip_address": "{ip}"}, {"state": "stopped"}),
    ("equinix_metal_device", {"access_private_ipv4": "{ip}"}, {"state": "inactive"}),
    ("vsphere_virtual_machine", {"default_ip_address": "{ip}"}, {"power_state": "off"}),
    ("proxmox_vm_qemu", {"default_ipv4_address": "{ip}"}, {"vm_state": "stopped"}),
    ("xenorchestra_vm", {"ipv4_addresses": ["{ip}"]}, {"power_state": "Halted"}),
    ("ionoscloud_server", {"primary_ip": "{ip}"}, {"vm_state": "SHUTOFF"}),
    ("libvirt_domain", {"network_interface": [{"addresses": ["{ip}"]}]}, {"running": False}),
    ("proxmox_virtual_environment_vm", {"ipv4_addresses": [["{ip}"]]}, {"started": False}),
    ("proxmox_virtual_environment_vm", {"ipv4_addresses": [["{ip}"]]}, {"status": "off"}),
    ("incus_instance", {"ipv4_address": "{ip}"}, {"running": False}),
]  # fmt: skip


def server(name: str, ip: str, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return [filled(item) for item in value] if isinstance(value, list) else str(value).format(ip=ip)

    names = dict.fromkeys(("name", "hostname", "label", "display_name", "id"), name)
    return {"index_key": name, "attributes": {**names, **filled(attributes), **more}}


@pytest.mark.parametrize(("kind", "attributes", "state"), OFF)
def test_what_does_not_run_is_left_out(
    world: World, kind: str, attributes: dict[str, Any], state: dict[str, Any]
) -> None:
    off, on = (
        server("a", "10.0.0.1", attributes, **state),
        server("b", "10.0.0.2", attributes, **dict.fromkeys(state, "running")),
    )
    found = {"mode": "managed", "type": kind, "name": "w", "instances": [off, on]}
    world.write("s", {"version": 4, "serial": 1, "resources": [found]})
    inventory = one(world, {"state": "s.json"}, f"s.resources.{kind}.w")
    assert list(inventory.hosts) == ["b"]
    ((key, value),) = state.items()
    assert inventory.warnings == [
        f'{world.path}: clusters.c.pools.web: {kind}.w["a"] is left out: its {key} is {value or "false"}'
    ]
    found["instances"] = [off]
    world.write("s", {"version": 4, "serial": 1, "resources": [found]})
    with pytest.raises(
        StackError,
        match=rf"hosts: leaves out every host: {kind}.w\[.a.\], because its {key} is {value or 'false'}\. Start",
    ):
        world.load()


def test_a_template_is_no_server(world: World) -> None:
    kind = "proxmox_virtual_environment_vm"
    vms = [server("a", "10.0.0.1", {"ipv4_addresses": [["{ip}"]]}, template=flag) for flag in (False, True)]
    vms[1]["index_key"] = "b"
    world.write("s", {"version": 4, "resources": [{"mode": "managed", "type": kind, "name": "w", "instances": vms}]})
    inventory = one(world, {"state": "s.json"}, f"s.resources.{kind}.w")
    assert inventory.warnings == [f'{world.path}: clusters.c.pools.web: {kind}.w["b"] is left out: it is a template']


def test_an_instance_of_cloudformation(world: World) -> None:
    found = world.state("instances")
    found["Reservations"][0]["Instances"][0]["State"]["Name"] = "terminated"
    world.write("instances", found)
    with pytest.raises(StackError, match="leaves out every host: Manager, because its instance_state is terminated"):
        one(world, {"cloudformation": "cloudformation.json", "members": "instances.json"}, "s.resources.Manager")


def test_members_of_a_group_that_do_not_run(world: World) -> None:
    found = world.state("instances")
    found["Reservations"][1]["Instances"][0]["State"]["Name"] = "stopped"
    found["Reservations"][1]["Instances"][1].update(State={"Name": "running"}, PrivateIpAddress="10.61.2.33")
    world.write("instances", found)
    stack = {"cloudformation": "cloudformation.json", "members": "instances.json"}
    inventory = one(world, stack, "s.resources.Web*", host={"name": "id"})
    assert list(inventory.hosts) == ["i-0003"]
    assert any("is left out: its instance_state is stopped" in text for text in inventory.warnings)


@pytest.mark.parametrize(
    "value",
    [["10.0.0.1", None], ["10.0.0.1", ""], {"a": "10.0.0.1", "b": None}, [{"ip": "10.0.0.1", "name": "a"}, None]],
)
def test_an_entry_of_an_output_without_an_address(world: World, value: Any) -> None:
    world.write("o", {"h": {"value": value}})
    with pytest.raises(StackError, match=r"s\.outputs\.h(\[1\]|\.b) of .*o.json: has no address"):
        one(world, {"outputs": "o.json"}, "s.outputs.h")
    inventory = one(world, {"outputs": "o.json"}, "s.outputs.h", missing_address="skip")
    assert [host["cluster_address"] for host in inventory.hosts.values()] == ["10.0.0.1"]
    assert len(inventory.warnings) == 1


def test_a_part_of_which_every_host_is_left_out(world: World) -> None:
    world.write("o", {"h": {"value": [{"name": "a"}, {"name": "b"}]}})
    with pytest.raises(StackError, match="leaves out every host"):
        one(world, {"outputs": "o.json"}, "s.outputs.h", missing_address="skip")
