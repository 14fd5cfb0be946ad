# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every provider that the reference page names is known by its Pulumi types too, servers, pools and managed clusters."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.stacks import host_types
from stacks_world import World, one, only

IP = "10.61.2.10"
TAGS = {"tags": {"Name": "w1"}}
# What Pulumi writes of a server named w1; the types are those of the providers' packages.
SERVERS: dict[str, dict[str, Any]] = {
    "aws:ec2/instance:Instance": {**TAGS, "privateIp": IP, "publicIp": "198.51.100.1"},
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": {**TAGS, "privateIp": IP},
    "aws-native:ec2:Instance": {"tags": [{"key": "Name", "value": "w1"}], "privateIp": IP, "instanceId": "i-1"},
    "azure:compute/linuxVirtualMachine:LinuxVirtualMachine": {"name": "w1", "privateIpAddress": IP},
    "azure:compute/windowsVirtualMachine:WindowsVirtualMachine": {"name": "w1", "privateIpAddresses": [IP]},
    "azure:compute/virtualMachine:VirtualMachine": {"name": "w1", "privateIpAddress": IP},
    "gcp:compute/instance:Instance": {"name": "w1", "networkInterfaces": [{"networkIp": IP}]},
    "gcp:compute/instanceFromTemplate:InstanceFromTemplate": {"name": "w1", "networkInterfaces": [{"networkIp": IP}]},
    "gcp:compute/instanceFromMachineImage:InstanceFromMachineImage": {
        "name": "w1",
        "networkInterfaces": [{"networkIp": IP}],
    },
    "google-native:compute/v1:Instance": {"name": "w1", "networkInterfaces": [{"networkIP": IP}]},
    "openstack:compute/instance:Instance": {"name": "w1", "accessIpV4": IP},
    "hcloud:index/server:Server": {"name": "w1", "networks": [{"ip": IP}], "ipv4Address": "198.51.100.1"},
    "digitalocean:index/droplet:Droplet": {"name": "w1", "ipv4AddressPrivate": IP},
    "proxmoxve:VM/virtualMachine:VirtualMachine": {"name": "w1", "ipv4Addresses": [["127.0.0.1"], [IP]]},
    "proxmoxve:CT/container:Container": {
        "initialization": {"hostname": "w1", "ipConfigs": [{"ipv4": {"address": f"{IP}/24"}}]}
    },
    "libvirt:index/domain:Domain": {"name": "w1", "networkInterfaces": [{"addresses": [IP]}]},
    "vsphere:index/virtualMachine:VirtualMachine": {"name": "w1", "defaultIpAddress": IP},
    "equinix:metal/device:Device": {"hostname": "w1", "accessPrivateIpv4": IP},
    "equinix-metal:index/device:Device": {"hostname": "w1", "accessPrivateIpv4": IP},
    "linode:index/instance:Instance": {"label": "w1", "privateIpAddress": IP},
    "scaleway:index/instanceServer:InstanceServer": {"name": "w1", "privateIps": [{"address": IP}]},
    "scaleway:instance/server:Server": {"name": "w1", "privateIps": [{"address": IP}]},
    "vultr:index/instance:Instance": {"hostname": "w1", "internalIp": IP},
    "oci:Core/instance:Instance": {"displayName": "w1", "privateIp": IP},
    "ibm:index/isInstance:IsInstance": {"name": "w1", "primaryNetworkInterface": {"primaryIp": {"address": IP}}},
    "exoscale:index/computeInstance:ComputeInstance": {"name": "w1", "networkInterfaces": [{"ipAddress": IP}]},
    "upcloud:index/server:Server": {"hostname": "w1", "networkInterfaces": [{"type": "private", "ipAddress": IP}]},
    "maas:index/instance:Instance": {"hostname": "w1", "ipAddresses": [IP]},
}
POOLS: dict[str, tuple[dict[str, Any], str, int | None]] = {
    "aws:autoscaling/group:Group": ({"name": "p", "desiredCapacity": 2}, "p", 2),
    "aws:ec2/spotFleetRequest:SpotFleetRequest": ({"id": "p", "targetCapacity": 2}, "p", 2),
    "aws:ec2/fleet:Fleet": ({"id": "p", "targetCapacitySpecification": {"totalTargetCapacity": 2}}, "p", 2),
    "aws:eks/nodeGroup:NodeGroup": ({"nodeGroupName": "p", "scalingConfig": {"desiredSize": 2}}, "p", 2),
    "azure:compute/linuxVirtualMachineScaleSet:LinuxVirtualMachineScaleSet": ({"name": "p", "instances": 2}, "p", 2),
    "azure:compute/windowsVirtualMachineScaleSet:WindowsVirtualMachineScaleSet": ({"name": "p", "instances": 2}, "p", 2),
    "azure:compute/orchestratedVirtualMachineScaleSet:OrchestratedVirtualMachineScaleSet": ({"name": "p", "instances": 2}, "p", 2),
    "azure:compute/scaleSet:ScaleSet": ({"name": "p", "sku": {"capacity": 2}}, "p", 2),
    "azure-native_compute_v20240301:compute:VirtualMachineScaleSet": ({"name": "p", "sku": {"capacity": 2}}, "p", 2),
    "digitalocean:index/dropletAutoscale:DropletAutoscale": ({"name": "p", "config": {"targetNumberInstances": 2}}, "p", 2),
    "exoscale:index/instancePool:InstancePool": ({"name": "p", "size": 2}, "p", 2),
    "ibm:index/isInstanceGroup:IsInstanceGroup": ({"name": "p", "instanceCount": 2}, "p", 2),
    "azure-native:compute:VirtualMachineScaleSet": ({"name": "p", "sku": {"capacity": 2}}, "p", 2),
    "gcp:compute/instanceGroupManager:InstanceGroupManager": ({"name": "p", "targetSize": 2}, "p", 2),
    "gcp:compute/regionInstanceGroupManager:RegionInstanceGroupManager": ({"name": "p", "targetSize": 2}, "p", 2),
    "oci:Core/instancePool:InstancePool": ({"displayName": "p", "size": 2}, "p", 2),
    "openstack:orchestration/stackV1:StackV1": ({"name": "p"}, "p", None),
}  # fmt: skip
CLUSTERS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "aws:eks/cluster:Cluster": (
        "eks",
        {"name": "shop", "endpoint": "https://c.example.org", "certificateAuthority": {"data": "UEVN"}},
        "aws:eks/nodeGroup:NodeGroup",
        {"clusterName": "shop", "nodeGroupName": "web", "scalingConfig": {"desiredSize": 3}},
    ),
    "aws:ecs/cluster:Cluster": (
        "ecs",
        {"name": "shop", "arn": "https://c.example.org"},
        "aws:ecs/capacityProvider:CapacityProvider",
        {"name": "web", "autoScalingGroupProvider": {"managedScaling": {"targetCapacity": 3}}},
    ),
    "azure:containerservice/kubernetesCluster:KubernetesCluster": (
        "aks",
        {"id": "/shop", "fqdn": "c.example.org", "kubeConfigs": [{"clusterCaCertificate": "UEVN"}]},
        "azure:containerservice/kubernetesClusterNodePool:KubernetesClusterNodePool",
        {"kubernetesClusterId": "/shop", "name": "web", "nodeCount": 3},
    ),
    "azure-native:containerservice:ManagedCluster": (
        "aks",
        {"name": "shop", "fqdn": "c.example.org"},
        "azure-native:containerservice:AgentPool",
        {"name": "web", "count": 3},
    ),
    "gcp:container/cluster:Cluster": (
        "gke",
        {"name": "shop", "endpoint": "c.example.org", "masterAuth": {"clusterCaCertificate": "UEVN"}},
        "gcp:container/nodePool:NodePool",
        {"cluster": "shop", "name": "web", "nodeCount": 3},
    ),
}


def export(world: World, *resources: tuple[str, str, dict[str, Any]]) -> None:
    world.write(
        "p",
        {
            "version": 3,
            "deployment": {
                "resources": [
                    {"urn": f"urn:pulumi:dev::shop::{kind}::{name}", "type": kind, "custom": True, "outputs": outputs}
                    for kind, name, outputs in resources
                ]
            },
        },
    )


@pytest.mark.parametrize(("kind", "outputs"), SERVERS.items())
def test_servers(world: World, kind: str, outputs: dict[str, Any]) -> None:
    export(world, (kind, "w", outputs))
    found = one(world, {"pulumi": "p.json"}, "s.resources.**::w").hosts
    assert {name: host["cluster_address"] for name, host in found.items()} == {"w1": IP}


@pytest.mark.parametrize(("kind", "pool"), POOLS.items())
def test_pools(world: World, kind: str, pool: tuple[dict[str, Any], str, int | None]) -> None:
    outputs, name, size = pool
    export(world, (kind, "w", outputs))
    world.write("m", {name: [{"id": "i-1", "private_ip": IP}]})
    inventory = one(world, {"pulumi": "p.json", "members": "m.json"}, "s.resources.**::w")
    assert list(inventory.hosts) == ["i-1"]
    assert [text for text in inventory.warnings if f"wants {size} servers and has 1" in text] or size is None


def test_a_type_of_any_shape_is_read(world: World) -> None:
    export(world, ("my:mod:Comp$aws:ec2/instance:Instance", "w", {"name": "w1", "privateIp": IP}))
    assert list(one(world, {"pulumi": "p.json"}, "s.resources.**::w").hosts) == ["w1"]


def test_an_elastic_address_of_aws_native(world: World) -> None:
    ours = {**SERVERS["aws-native:ec2:Instance"], "publicIp": "198.51.100.1"}
    beside = {"publicIp": "198.51.100.2", "instanceId": "i-1"}
    export(world, ("aws-native:ec2:Instance", "w", ours), ("aws-native:ec2:Eip", "e", beside))
    found = one(world, {"pulumi": "p.json"}, "s.resources.**::w", host={"connect": "each.public"}).hosts["w1"]
    assert found["ansible_host"] == "198.51.100.2"


@pytest.mark.parametrize(("kind", "case"), CLUSTERS.items())
def test_managed_clusters(world: World, kind: str, case: tuple[str, dict[str, Any], str, dict[str, Any]]) -> None:
    by, outputs, group, own = case
    export(world, (kind, "c", outputs), (group, "g", own))
    only(world, {"pulumi": "p.json"}, "s.resources.**")
    world.document["clusters"] = {"c": {"managed": "s.resources.**::c"}}
    variables = world.load().groups["c"].variables
    assert (variables["cluster_managed_by"], variables["cluster_endpoint"]) == (by, "https://c.example.org")
    assert variables["cluster_ca"] == ("PEM" if "UEVN" in str(outputs) else "")
    assert [(item["name"], item["size"]) for item in variables["cluster_node_groups"]] == [("web", 3)]


def test_every_type_of_the_tables_has_a_pulumi_type() -> None:
    known = {host_types.canonical(kind) for kind in (*SERVERS, *POOLS, *CLUSTERS)} | {
        host_types.SAME.get(host_types.canonical(kind), "") for kind in SERVERS
    }
    for table in (host_types.HOSTS, host_types.POOLS, host_types.MANAGED):
        types = {kind for kind in table if ":" not in kind}
        assert types - known <= {"metal_device", "proxmox_vm_qemu", "proxmox_lxc"}, (
            "their providers have no Pulumi package"
        )
