# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which resource types are hosts, which make hosts, and where each keeps its name and its address: data.

Attribute names are those of the providers' own documentation on the Terraform registry.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class HostType(NamedTuple):
    """Paths into the attributes, the first that has a value wins."""

    name: tuple[str, ...]
    address: tuple[str, ...]


class PoolType(NamedTuple):
    """A resource that makes servers which no state lists. name: how members call it; size: how many it wants."""

    name: tuple[str, ...]
    size: tuple[str, ...]


HOSTS: dict[str, HostType] = {
    # AWS
    "aws_instance": HostType(("tags.Name", "tags_all.Name", "id"), ("private_ip",)),
    "aws_spot_instance_request": HostType(("tags.Name", "spot_instance_id"), ("private_ip",)),
    # Azure
    "azurerm_linux_virtual_machine": HostType(("name",), ("private_ip_address",)),
    "azurerm_windows_virtual_machine": HostType(("name",), ("private_ip_address",)),
    # Google
    "google_compute_instance": HostType(("name",), ("network_interface.0.network_ip",)),
    "google_compute_instance_from_template": HostType(("name",), ("network_interface.0.network_ip",)),
    # OpenStack
    "openstack_compute_instance_v2": HostType(("name",), ("access_ip_v4", "network.0.fixed_ip_v4", "access_ip_v6")),
    # Hetzner Cloud
    "hcloud_server": HostType(("name",), ("network.0.ip", "ipv4_address", "ipv6_address")),
    # DigitalOcean
    "digitalocean_droplet": HostType(("name",), ("ipv4_address_private", "ipv4_address")),
    # Proxmox VE: both providers
    "proxmox_virtual_environment_vm": HostType(("name",), ("ipv4_addresses.1.0", "ipv4_addresses.0.0")),
    "proxmox_vm_qemu": HostType(("name",), ("default_ipv4_address", "ssh_host")),
    # libvirt
    "libvirt_domain": HostType(("name",), ("network_interface.0.addresses.0",)),
    # vSphere
    "vsphere_virtual_machine": HostType(("name",), ("default_ip_address", "guest_ip_addresses.0")),
    # Equinix Metal, under its present and its former name
    "equinix_metal_device": HostType(("hostname",), ("access_private_ipv4", "access_public_ipv4")),
    "metal_device": HostType(("hostname",), ("access_private_ipv4", "access_public_ipv4")),
    # Others
    "linode_instance": HostType(("label",), ("private_ip_address", "ip_address")),
    "scaleway_instance_server": HostType(("name",), ("private_ips.0.address", "private_ip", "public_ips.0.address")),
    "vultr_instance": HostType(("hostname", "label"), ("internal_ip", "main_ip")),
    "oci_core_instance": HostType(("display_name",), ("private_ip", "public_ip")),
    "ibm_is_instance": HostType(
        ("name",),
        ("primary_network_interface.0.primary_ip.0.address", "primary_network_interface.0.primary_ipv4_address"),
    ),
    "exoscale_compute_instance": HostType(("name",), ("private_network_ip_address", "public_ip_address")),
    "upcloud_server": HostType(("hostname",), ("network_interface.0.ip_address",)),
    "maas_instance": HostType(("hostname", "fqdn"), ("ip_addresses.0",)),
    # CloudFormation and Pulumi call the same machines otherwise
    "AWS::EC2::Instance": HostType(("Tags.Name", "InstanceId"), ("PrivateIpAddress", "PrivateIp")),
    "aws:ec2/instance:Instance": HostType(("tags.Name", "id"), ("privateIp",)),
    "azure-native:compute:VirtualMachine": HostType(("name",), ("privateIpAddress",)),
    "azure:compute/linuxVirtualMachine:LinuxVirtualMachine": HostType(("name",), ("privateIpAddress",)),
    "gcp:compute/instance:Instance": HostType(("name",), ("networkInterfaces.0.networkIp",)),
    "openstack:compute/instance:Instance": HostType(("name",), ("accessIpV4",)),
    "hcloud:index/server:Server": HostType(("name",), ("networks.0.ip", "ipv4Address")),
    "digitalocean:index/droplet:Droplet": HostType(("name",), ("ipv4AddressPrivate", "ipv4Address")),
}

# What is none of the above: an object of an output, a static host, a member of a pool.
PLAIN = HostType(("name", "tags.Name", "hostname", "id"), ("address", "private_ip", "ip"))

POOLS: dict[str, PoolType] = {
    "aws_autoscaling_group": PoolType(("name", "id"), ("desired_capacity",)),
    "aws_spot_fleet_request": PoolType(("id",), ("target_capacity",)),
    "aws_ec2_fleet": PoolType(("id",), ("target_capacity_specification.0.total_target_capacity",)),
    "aws_eks_node_group": PoolType(("node_group_name",), ("scaling_config.0.desired_size",)),
    "azurerm_linux_virtual_machine_scale_set": PoolType(("name", "id"), ("instances",)),
    "azurerm_orchestrated_virtual_machine_scale_set": PoolType(("name", "id"), ("instances",)),
    "google_compute_instance_group_manager": PoolType(("name", "instance_group"), ("target_size",)),
    "google_compute_region_instance_group_manager": PoolType(("name", "instance_group"), ("target_size",)),
    "oci_core_instance_pool": PoolType(("display_name", "id"), ("size",)),
    "openstack_orchestration_stack_v1": PoolType(("name",), ()),
    "AWS::AutoScaling::AutoScalingGroup": PoolType(("name",), ("DesiredCapacity",)),
    "aws:autoscaling/group:Group": PoolType(("name", "id"), ("desiredCapacity",)),
}


class ManagedType(NamedTuple):
    """A cluster that the cloud runs. nodes: the types of its node groups; member: where such a group names its cluster.

    inside: where the cluster itself lists node groups, which may be no resources of their own.
    """

    kind: str
    endpoint: tuple[str, ...]
    ca: tuple[str, ...]
    version: tuple[str, ...]
    nodes: tuple[str, ...]
    member: str
    inside: str = ""


MANAGED: dict[str, ManagedType] = {
    "aws_eks_cluster": ManagedType(
        "eks", ("endpoint",), ("certificate_authority.0.data",), ("version",), ("aws_eks_node_group",), "cluster_name"
    ),
    "aws_ecs_cluster": ManagedType("ecs", ("arn",), (), (), ("aws_ecs_capacity_provider",), "cluster_name"),
    "azurerm_kubernetes_cluster": ManagedType(
        "aks",
        ("private_fqdn", "fqdn"),
        ("kube_config.0.cluster_ca_certificate",),
        ("kubernetes_version",),
        ("azurerm_kubernetes_cluster_node_pool",),
        "kubernetes_cluster_id",
        "default_node_pool",
    ),
    "google_container_cluster": ManagedType(
        "gke",
        ("endpoint",),
        ("master_auth.0.cluster_ca_certificate",),
        ("master_version", "min_master_version"),
        ("google_container_node_pool",),
        "cluster",
        "node_pool",
    ),
    "aws:eks/cluster:Cluster": ManagedType(
        "eks",
        ("endpoint",),
        ("certificateAuthority.data",),
        ("version",),
        ("aws:eks/nodeGroup:NodeGroup",),
        "clusterName",
    ),
    "gcp:container/cluster:Cluster": ManagedType(
        "gke",
        ("endpoint",),
        ("masterAuth.clusterCaCertificate",),
        ("masterVersion", "minMasterVersion"),
        ("gcp:container/nodePool:NodePool",),
        "cluster",
        "nodePools",
    ),
}

# Where a node group of a managed cluster says how many nodes it wants.
NODE_GROUP_SIZE = (
    "scaling_config.0.desired_size",
    "node_count",
    "scalingConfig.desiredSize",
    "nodeCount",
    "auto_scaling_group_provider.0.managed_scaling.0.target_capacity",
)

_MACHINE = re.compile(
    r"(^|_)(instance|server|vm|virtual_machine|droplet|machine|compute_node|bare_metal|host)(_v\d+)?$"
)
_NO_MACHINE = re.compile(r"(db|rds|redis|cache|database|sql|dns|template|profile|file|cluster_instance|connect)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def machine_like(kind: str) -> bool:
    """Whether a type sounds like a machine, in the words of Terraform, Pulumi or CloudFormation: to be listed when it is not known."""
    kind = _CAMEL.sub("_", kind).lower()
    return _MACHINE.search(kind.rsplit(":", 1)[-1]) is not None and not _NO_MACHINE.search(kind)
