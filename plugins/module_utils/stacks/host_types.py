# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which resource types are hosts, which make hosts, which belong to one, and where each keeps names and addresses: data.

Types and attributes are those of the providers' own documentation on the Terraform registry; Pulumi's are derived from them.
In a path `*` is every item of a list, and `*type=private` every item whose `type` is private.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

Paths = tuple[str, ...]
STATES: Paths = ("instance_state", "status", "state")


class HostType(NamedTuple):
    """Paths into the attributes. name: the first that has a value. All addresses are searched, private ones first.

    private, public: attributes that hold such addresses by definition; either: those of which the address itself tells.
    ids: by what other objects point at it. links: by what it points at objects of NEIGHBOURS, and their type.
    state: where it stands whether the server runs. remedy: what to do for an address where the stack tool itself lists none.
    interfaces: lists of the names of interfaces, in the order of the lists of addresses, or mappings of such names to addresses.
    """

    name: Paths
    private: Paths = ()
    either: Paths = ()
    public: Paths = ()
    ids: Paths = ("id",)
    links: dict[str, str] = {}
    remedy: str = ""
    state: Paths = STATES
    interfaces: Paths = ()


# What the tools and clouds call a server that does not run, in whatever case.
OFF = re.compile(
    r"(shutting[-_]?down|terminat(ed|ing)|stop(ped|ping)([-_ ]in[-_ ]place)?|suspend(ed|ing)|paused|delet(ed|ing)|soft_deleted|archived?|halted"
    r"|shut[-_]?off|(powered?)?[-_ ]?off|offline|shelved(_offloaded)?|deallocat(ed|ing)|inactive|vm (stopped|deallocated))",
    re.IGNORECASE,
)


class Neighbour(NamedTuple):
    """An object that gives a server an address: an attachment to a network, a network interface, a floating address.

    links: by what it points at its server, or at another such object of the same server, and the type of that.
    replaces: the cloud takes the server's own public address away when the server gets this one.
    """

    links: dict[str, str]
    private: Paths = ()
    either: Paths = ()
    public: Paths = ()
    ids: Paths = ("id",)
    replaces: bool = False


class PoolType(NamedTuple):
    """A resource that makes servers which no state lists. name: how members call it; size: how many it wants."""

    name: Paths
    size: Paths


_AZURE = HostType(
    ("name",),
    ("private_ip_address", "private_ip_addresses.*"),
    public=("public_ip_address", "public_ip_addresses.*"),
    links={"network_interface_ids.*": "azurerm_network_interface"},
)
_GOOGLE = HostType(
    ("name",),
    ("network_interface.*.network_ip",),
    ("network_interface.*.ipv6_address",),
    ("network_interface.*.access_config.*.nat_ip", "network_interface.*.ipv6_access_config.*.external_ipv6"),
    state=("current_status",),
)
_METAL = HostType(
    ("hostname",), ("access_private_ipv4",), ("network.*.address",), ("access_public_ipv4", "access_public_ipv6")
)

HOSTS: dict[str, HostType] = {
    # AWS
    "aws_instance": HostType(
        ("tags.Name", "tags_all.Name", "id"),
        ("private_ip", "secondary_private_ips.*"),
        ("ipv6_addresses.*",),
        ("public_ip",),
        ("id", "primary_network_interface_id"),
        {
            "network_interface.*.network_interface_id": "aws_network_interface",
            "primary_network_interface.*.network_interface_id": "aws_network_interface",
        },
        state=("instance_state",),
    ),
    "aws_spot_instance_request": HostType(
        ("tags.Name", "spot_instance_id"), ("private_ip",), (), ("public_ip",), ("spot_instance_id",)
    ),
    "AWS::EC2::Instance": HostType(
        ("Tags.Name", "InstanceId", "id"),
        ("PrivateIpAddress", "PrivateIp", "private_ips.*"),
        ("ipv6_addresses.*",),
        ("PublicIpAddress", "PublicIp", "public_ip"),
        remedy="CloudFormation lists no addresses of instances: give `members:` under stacks.{stack}, the text of `aws ec2 describe-instances` "
        "or `{{ec2: {{region: REGION}}}}`",
        state=("instance_state",),
    ),
    "aws-native:ec2:Instance": HostType(
        ("tags.*key=Name.value", "instanceId", "id"),
        ("privateIp",),
        ("ipv6Addresses.*",),
        ("publicIp",),
        ("id", "instanceId"),
        state=("state.name",),
    ),
    # Azure
    "azurerm_linux_virtual_machine": _AZURE,
    "azurerm_windows_virtual_machine": _AZURE,
    "azurerm_virtual_machine": _AZURE,
    "azure-native:compute:VirtualMachine": HostType(
        ("name",),
        ("privateIpAddress",),
        links={"networkProfile.networkInterfaces.*.id": "azure-native:network:NetworkInterface"},
    ),
    # Google
    "google-native:compute/v1:Instance": HostType(
        ("name",),
        ("networkInterfaces.*.networkIP",),
        public=("networkInterfaces.*.accessConfigs.*.natIP",),
        state=("status",),
    ),
    "google_compute_instance": _GOOGLE,
    "google_compute_instance_from_template": _GOOGLE,
    "google_compute_instance_from_machine_image": _GOOGLE,
    # OpenStack: the access address may be a floating one, which is on no interface of the server
    "openstack_compute_instance_v2": HostType(
        ("name",),
        (),
        ("network.*.fixed_ip_v4", "access_ip_v4", "network.*.fixed_ip_v6", "access_ip_v6"),
        ("network.*.floating_ip",),
        links={"network.*.port": "openstack_networking_port_v2"},
        state=("power_state",),
    ),
    # Hetzner Cloud
    "hcloud_server": HostType(("name",), ("network.*.ip",), public=("ipv4_address", "ipv6_address")),
    # DigitalOcean
    "digitalocean_droplet": HostType(("name",), ("ipv4_address_private",), public=("ipv4_address", "ipv6_address")),
    # Proxmox VE: both providers
    "proxmox_virtual_environment_vm": HostType(
        ("name",),
        (),
        (
            "ipv4_addresses.*.*",
            "ipv6_addresses.*.*",
            "initialization.*.ip_config.*.ipv4.*.address",
            "initialization.*.ip_config.*.ipv6.*.address",
        ),
        state=(*STATES, "started"),
        interfaces=("network_interface_names",),
    ),
    "proxmox_virtual_environment_container": HostType(
        ("initialization.*.hostname",),
        (),
        ("initialization.*.ip_config.*.ipv4.*.address", "ipv4.*", "ipv6.*"),
        state=(*STATES, "started"),
        interfaces=("ipv4", "ipv6"),
    ),
    "proxmox_lxc": HostType(("hostname",), (), ("network.*.ip",)),
    "proxmox_vm_qemu": HostType(
        ("name",),
        (),
        (
            *("default_ipv4_address", "ssh_host", "default_ipv6_address"),
            *(f"ipconfig{number}.{key}" for number in range(16) for key in ("ip", "ip6")),
        ),
        state=(*STATES, "vm_state"),
    ),
    # libvirt
    "libvirt_domain": HostType(
        ("name",), (), ("network_interface.*.addresses.*",), ids=("id", "uuid", "name"), state=(*STATES, "running")
    ),
    # vSphere
    "vsphere_virtual_machine": HostType(
        ("name",),
        (),
        ("default_ip_address", "guest_ip_addresses.*", "clone.*.customize.*.network_interface.*.ipv4_address"),
        state=("power_state",),
    ),
    # Equinix Metal, under its present and its former name
    "equinix_metal_device": _METAL,
    "metal_device": _METAL,
    # Others
    "linode_instance": HostType(
        ("label",),
        (
            "private_ip_address",
            "interface.*.ipv4.*.vpc",
            "interface.*.ipam_address",
            "config.*.interface.*.ipv4.*.vpc",
            "config.*.interface.*.ipam_address",
        ),
        ("ipv4.*",),
        ("ip_address", "ipv6"),
    ),
    "scaleway_instance_server": HostType(
        ("name",),
        ("private_ips.*.address", "private_ip"),
        public=("public_ips.*.address", "public_ip"),
        ids=("id", "private_network.*.mac_address"),
        links={"ip_id": "scaleway_instance_ip", "ip_ids.*": "scaleway_instance_ip"},
    ),
    "vultr_instance": HostType(
        ("hostname", "label"), ("internal_ip",), public=("main_ip", "v6_main_ip"), state=("power_status",)
    ),
    "oci_core_instance": HostType(
        ("display_name",), ("private_ip", "create_vnic_details.*.private_ip"), public=("public_ip",)
    ),
    "ibm_is_instance": HostType(
        ("name",),
        (
            "primary_network_interface.*.primary_ip.*.address",
            "primary_network_interface.*.primary_ipv4_address",
            "primary_network_attachment.*.virtual_network_interface.*.primary_ip.*.address",
            "network_interfaces.*.primary_ip.*.address",
            "network_interfaces.*.primary_ipv4_address",
        ),
        ids=(
            "id",
            "primary_network_interface.*.id",
            "primary_network_attachment.*.virtual_network_interface.*.id",
            "network_interfaces.*.id",
        ),
        links={
            "primary_network_attachment.*.virtual_network_interface.*.id": "ibm_is_virtual_network_interface",
            "network_attachments.*.virtual_network_interface.*.id": "ibm_is_virtual_network_interface",
        },
    ),
    "exoscale_compute_instance": HostType(
        ("name",),
        ("private_network_ip_address", "network_interface.*.ip_address"),
        public=("public_ip_address", "ipv6_address"),
        links={"elastic_ip_ids.*": "exoscale_elastic_ip"},
    ),
    "upcloud_server": HostType(
        ("hostname",),
        (
            "network_interface.*type=private.ip_address",
            "network_interface.*type=private.additional_ip_address.*.ip_address",
        ),
        ("network_interface.*.ip_address",),
        ids=("id", "network_interface.*.mac_address"),
    ),
    "maas_instance": HostType(("hostname", "fqdn"), (), ("ip_addresses.*",)),
}

# What is none of the above: an object of an output, a static host, a member of a pool.
PLAIN = HostType(
    (
        *("name", "Name", "tags.Name", "hostname"),
        *("instance_name", "server_name", "display_name", "displayName", "name_label", "label", "id"),
    ),
    (
        *("private_ip", "private_ip_address", "private_address", "private_ipv4", "ipv4_address_private", "internal_ip"),
        *("PrivateIpAddress", "PrivateIp", "privateIp", "privateIpAddress", "internalIp"),
    ),
    ("ip", "ip_address", "ipv4", "ipv4_address", "ipAddress"),
    (
        *("public_ip", "public_ip_address", "public_address", "public_ipv4", "external_ip"),
        *("PublicIpAddress", "PublicIp", "publicIp", "publicIpAddress", "externalIp"),
    ),
    state=(
        *(*STATES, "instance_status", "current_status", "vm_state", "running"),
        *("power_state", "power_status", "powerState", "powerStatus"),
    ),
)

_DROPLET = Neighbour({"droplet_id": "digitalocean_droplet"}, public=("ip_address",))
_METAL_IP = Neighbour({"device_id": "equinix_metal_device"}, either=("address",))

NEIGHBOURS: dict[str, Neighbour] = {
    "aws_network_interface": Neighbour(
        {"attachment.*.instance": "aws_instance", "attachment.*.instance_id": "aws_instance"},
        ("private_ip", "private_ips.*"),
        ("ipv6_addresses.*",),
    ),
    "aws_network_interface_attachment": Neighbour(
        {"instance_id": "aws_instance", "network_interface_id": "aws_network_interface"}
    ),
    "aws_eip": Neighbour(
        {"instance": "aws_instance", "network_interface": "aws_network_interface"},
        ("private_ip",),
        public=("public_ip",),
        ids=("id", "allocation_id"),
        replaces=True,
    ),
    "aws_eip_association": Neighbour(
        {
            "instance_id": "aws_instance",
            "network_interface_id": "aws_network_interface",
            "allocation_id": "aws_eip",
        },
        ("private_ip_address",),
        public=("public_ip",),
        replaces=True,
    ),
    "aws-native:ec2:Eip": Neighbour(
        {"instanceId": "aws-native:ec2:Instance"}, public=("publicIp",), ids=("id", "allocationId"), replaces=True
    ),
    "aws-native:ec2:EipAssociation": Neighbour(
        {"instanceId": "aws-native:ec2:Instance", "allocationId": "aws-native:ec2:Eip"}
    ),
    "azurerm_network_interface": Neighbour(
        {
            "virtual_machine_id": "azurerm_virtual_machine",
            "ip_configuration.*.public_ip_address_id": "azurerm_public_ip",
        },
        ("private_ip_address", "private_ip_addresses.*", "ip_configuration.*.private_ip_address"),
    ),
    "azurerm_public_ip": Neighbour({}, public=("ip_address",)),
    "azure-native:network:NetworkInterface": Neighbour(
        {"ipConfigurations.*.publicIPAddress.id": "azure-native:network:PublicIPAddress"},
        ("ipConfigurations.*.privateIPAddress",),
    ),
    "azure-native:network:PublicIPAddress": Neighbour({}, public=("ipAddress",)),
    "openstack_compute_interface_attach_v2": Neighbour(
        {"instance_id": "openstack_compute_instance_v2", "port_id": "openstack_networking_port_v2"},
        either=("fixed_ip",),
    ),
    "openstack_networking_port_v2": Neighbour(
        {"device_id": "openstack_compute_instance_v2"}, either=("all_fixed_ips.*", "fixed_ip.*.ip_address")
    ),
    "openstack_networking_floatingip_v2": Neighbour(
        {"port_id": "openstack_networking_port_v2"}, ("fixed_ip",), public=("address",)
    ),
    "openstack_networking_floatingip_associate_v2": Neighbour(
        {"port_id": "openstack_networking_port_v2"}, ("fixed_ip",), public=("floating_ip",)
    ),
    "openstack_compute_floatingip_associate_v2": Neighbour(
        {"instance_id": "openstack_compute_instance_v2"}, ("fixed_ip",), public=("floating_ip",)
    ),
    "hcloud_server_network": Neighbour({"server_id": "hcloud_server"}, ("ip",)),
    "hcloud_floating_ip": Neighbour({"server_id": "hcloud_server"}, public=("ip_address",)),
    "hcloud_floating_ip_assignment": Neighbour({"server_id": "hcloud_server", "floating_ip_id": "hcloud_floating_ip"}),
    "hcloud_primary_ip": Neighbour({"assignee_id": "hcloud_server"}, public=("ip_address",)),
    "digitalocean_floating_ip": _DROPLET,
    "digitalocean_floating_ip_assignment": _DROPLET,
    "digitalocean_reserved_ip": _DROPLET,
    "digitalocean_reserved_ip_assignment": _DROPLET,
    "digitalocean_reserved_ipv6_assignment": _DROPLET._replace(public=("ip",)),
    "equinix_metal_ip_attachment": _METAL_IP,
    "metal_ip_attachment": _METAL_IP._replace(links={"device_id": "metal_device"}),
    "libvirt_domain_interface_addresses": Neighbour(
        {"domain": "libvirt_domain"}, either=("interfaces.*.addrs.*.addr",)
    ),
    "linode_instance_config": Neighbour(
        {"linode_id": "linode_instance"}, ("interface.*.ipv4.*.vpc", "interface.*.ipam_address")
    ),
    "linode_interface": Neighbour(
        {"linode_id": "linode_instance"},
        (
            "vpc.ipv4.assigned_addresses.*.address",
            "vpc.ipv4.addresses.*.address",
            "vlan.ipam_address",
        ),
        public=("public.ipv4.assigned_addresses.*.address", "public.ipv6.slaac.*.address"),
    ),
    "linode_instance_ip": Neighbour({"linode_id": "linode_instance"}, either=("address",)),
    "scaleway_instance_private_nic": Neighbour(
        {"server_id": "scaleway_instance_server", "mac_address": "scaleway_instance_server"},
        ("private_ips.*.address", "private_ip"),
    ),
    "scaleway_ipam_ip": Neighbour(
        {
            "resource.*.id": "scaleway_instance_private_nic",
            "resource.*.mac_address": "scaleway_instance_server",
            "custom_resource.*.mac_address": "scaleway_instance_server",
            "mac_address": "scaleway_instance_server",
        },
        ("address",),
    ),
    "scaleway_ipam_ips": Neighbour({"resource.*.id": "scaleway_instance_private_nic"}, ("ips.*.address",)),
    "scaleway_vpc_public_gateway_dhcp_reservation": Neighbour(
        {"mac_address": "scaleway_instance_server"}, ("ip_address",)
    ),
    "scaleway_instance_ip": Neighbour({"server_id": "scaleway_instance_server"}, public=("address",)),
    "vultr_instance_ipv4": Neighbour({"instance_id": "vultr_instance"}, public=("ip",)),
    "vultr_reserved_ip": Neighbour({"instance_id": "vultr_instance"}, public=("subnet",)),
    "oci_core_vnic_attachment": Neighbour(
        {"instance_id": "oci_core_instance"}, ("create_vnic_details.*.private_ip",), ids=("vnic_id",)
    ),
    "oci_core_vnic": Neighbour(
        {"vnic_id": "oci_core_vnic_attachment"}, ("private_ip_address",), public=("public_ip_address",)
    ),
    "oci_core_private_ip": Neighbour({"vnic_id": "oci_core_vnic_attachment"}, ("ip_address",)),
    "oci_core_private_ips": Neighbour({"vnic_id": "oci_core_vnic_attachment"}, ("private_ips.*.ip_address",)),
    "oci_core_public_ip": Neighbour({"private_ip_id": "oci_core_private_ip"}, public=("ip_address",)),
    "ibm_is_virtual_network_interface": Neighbour({}, ("primary_ip.*.address", "ips.*.address")),
    "ibm_is_instance_network_interface": Neighbour(
        {"instance": "ibm_is_instance"},
        ("primary_ip.*.address", "primary_ipv4_address"),
        public=("floating_ips.*.address",),
        ids=("network_interface",),
    ),
    "ibm_is_instance_network_attachment": Neighbour(
        {"instance": "ibm_is_instance", "virtual_network_interface.*.id": "ibm_is_virtual_network_interface"},
        ("primary_ip.*.address", "virtual_network_interface.*.primary_ip.*.address"),
    ),
    "ibm_is_subnet_reserved_ip": Neighbour({"target": "ibm_is_instance"}, ("address",)),
    "ibm_is_floating_ip": Neighbour({"target": "ibm_is_instance"}, public=("address",)),
    "exoscale_nic": Neighbour({"compute_id": "exoscale_compute_instance"}, ("ip_address",)),
    "exoscale_elastic_ip": Neighbour({}, public=("ip_address",)),
    "maas_network_interface_link": Neighbour({"machine": "maas_instance"}, either=("ip_address",)),
    "upcloud_floating_ip_address": Neighbour({"mac_address": "upcloud_server"}, public=("ip_address",)),
}

# Providers whose ids are unique without what stands before the last slash, and are written with that or without.
SHORT_IDS = ("scaleway_",)

# Types that other objects point at as at the second one.
SAME = {
    "aws_spot_instance_request": "aws_instance",
    "azurerm_linux_virtual_machine": "azurerm_virtual_machine",
    "azurerm_windows_virtual_machine": "azurerm_virtual_machine",
}

POOLS: dict[str, PoolType] = {
    "aws_autoscaling_group": PoolType(("name", "id"), ("desired_capacity",)),
    "aws_spot_fleet_request": PoolType(("id",), ("target_capacity",)),
    "aws_ec2_fleet": PoolType(("id",), ("target_capacity_specification.0.total_target_capacity",)),
    "aws_eks_node_group": PoolType(("node_group_name",), ("scaling_config.0.desired_size",)),
    "azurerm_linux_virtual_machine_scale_set": PoolType(("name", "id"), ("instances",)),
    "azurerm_virtual_machine_scale_set": PoolType(("name", "id"), ("sku.0.capacity",)),
    "azurerm_windows_virtual_machine_scale_set": PoolType(("name", "id"), ("instances",)),
    "azurerm_orchestrated_virtual_machine_scale_set": PoolType(("name", "id"), ("instances",)),
    "google_compute_instance_group_manager": PoolType(("name", "instance_group"), ("target_size",)),
    "google_compute_region_instance_group_manager": PoolType(("name", "instance_group"), ("target_size",)),
    "oci_core_instance_pool": PoolType(("display_name", "id"), ("size",)),
    "digitalocean_droplet_autoscale": PoolType(("name", "id"), ("config.0.target_number_instances",)),
    "exoscale_instance_pool": PoolType(("name", "id"), ("size",)),
    "ibm_is_instance_group": PoolType(("name", "id"), ("instance_count",)),
    "openstack_orchestration_stack_v1": PoolType(("name",), ()),
    "AWS::AutoScaling::AutoScalingGroup": PoolType(("name",), ("DesiredCapacity",)),
    "AWS::EC2::EC2Fleet": PoolType(("id",), ()),
    "AWS::EC2::SpotFleet": PoolType(("id",), ()),
    "AWS::EKS::Nodegroup": PoolType(("id",), ()),
    "aws-native:autoscaling:AutoScalingGroup": PoolType(("autoScalingGroupName", "id"), ("desiredCapacity",)),
    "azure-native:compute:VirtualMachineScaleSet": PoolType(("name", "id"), ("sku.capacity",)),
}


class ManagedType(NamedTuple):
    """A cluster that the cloud runs. nodes: the types of its node groups; member: where such a group names its cluster.

    inside: where the cluster itself lists node groups, which may be no resources of their own.
    """

    kind: str
    endpoint: Paths
    ca: Paths
    version: Paths
    nodes: tuple[str, ...]
    member: Paths
    inside: Paths = ()


MANAGED: dict[str, ManagedType] = {
    "aws_eks_cluster": ManagedType(
        "eks",
        ("endpoint",),
        ("certificate_authority.0.data",),
        ("version",),
        ("aws_eks_node_group",),
        ("cluster_name",),
    ),
    "aws_ecs_cluster": ManagedType("ecs", ("arn",), (), (), ("aws_ecs_capacity_provider",), ("cluster_name",)),
    "azurerm_kubernetes_cluster": ManagedType(
        "aks",
        ("private_fqdn", "fqdn"),
        ("kube_config.0.cluster_ca_certificate",),
        ("kubernetes_version",),
        ("azurerm_kubernetes_cluster_node_pool",),
        ("kubernetes_cluster_id",),
        ("default_node_pool",),
    ),
    "azure-native:containerservice:ManagedCluster": ManagedType(
        "aks",
        ("privateFQDN", "fqdn"),
        (),
        ("kubernetesVersion",),
        ("azure-native:containerservice:AgentPool",),
        (),
        ("agentPoolProfiles",),
    ),
    "google_container_cluster": ManagedType(
        "gke",
        ("endpoint",),
        ("master_auth.0.cluster_ca_certificate",),
        ("master_version", "min_master_version"),
        ("google_container_node_pool",),
        ("cluster",),
        ("node_pool",),
    ),
}

# Where a node group of a managed cluster says how many nodes it wants.
NODE_GROUP_SIZE = (
    "scaling_config.0.desired_size",
    "node_count",
    "scalingConfig.desiredSize",
    "nodeCount",
    "count",
    "auto_scaling_group_provider.0.managed_scaling.0.target_capacity",
    "autoScalingGroupProvider.managedScaling.targetCapacity",
)

# Where resources that are networks say which, in Terraform's names and Pulumi's.
CIDR = (
    *(
        "cidr",
        "cidr_block",
        "ip_cidr_range",
        "ip_range",
        "ipv4_cidr_block",
        "address_prefixes",
        "address_prefix",
        "address_space",
    ),
    *(
        "cidrBlock",
        "ipCidrRange",
        "ipRange",
        "ipv4CidrBlock",
        "addressPrefixes",
        "addressPrefix",
        "addressSpace",
        "subnet",
        "range",
    ),
)

# Pulumi's packages that have another name than Terraform's provider, and modules that are no part of Terraform's type.
_PACKAGES = {"azure": "azurerm", "gcp": "google", "equinix-metal": "equinixmetal"}
_NO_PART = ("index", "aws/ec2", "azure/compute", "azure/network", "azure/containerservice")
_OTHERWISE = {
    "proxmoxve:VM/virtualMachine:VirtualMachine": "proxmox_virtual_environment_vm",
    "proxmoxve:index/vmLegacy:VmLegacy": "proxmox_virtual_environment_vm",
    "proxmoxve:CT/container:Container": "proxmox_virtual_environment_container",
    "aws:ec2/fleet:Fleet": "aws_ec2_fleet",
    "azure:compute/scaleSet:ScaleSet": "azurerm_virtual_machine_scale_set",
}
_TABLES: tuple[dict[str, Any], ...] = (HOSTS, NEIGHBOURS, POOLS, MANAGED)
_TYPES = [kind for table in _TABLES for kind in table] + [kind for entry in MANAGED.values() for kind in entry.nodes]
_PLAINER = {text.replace("_", ""): kind for kind in _TYPES for text in (re.sub(r"_v\d$", "", kind), kind)}
# Azure's own types may have the version of the API in their name, or in that of their package.
_API = re.compile(r"^azure-native(?:_\w+_v\d+\w*)?:(\w+)(?:/v\d+\w*)?(?=:)")
Entry = TypeVar("Entry", HostType, Neighbour, PoolType, ManagedType)


@lru_cache(maxsize=4096)
def canonical(kind: str) -> str:
    """The type as the tables name it: a Pulumi type made from a Terraform provider has the name of that provider's type."""
    kind = _API.sub(r"azure-native:\1", kind)
    package, _colon, rest = kind.partition(":")
    if kind in _OTHERWISE or "/" not in rest.split(":")[0]:
        return _OTHERWISE.get(kind, kind)
    module, name = rest.split(":")[0].split("/", 1)
    part = "" if module in _NO_PART or f"{package}/{module}" in _NO_PART else module
    return _PLAINER.get(f"{_PACKAGES.get(package, package)}{part}{name}".lower(), kind)


def _find(table: dict[str, Entry], kind: str) -> Entry | None:
    entry = table.get(canonical(kind))
    if entry is None or kind in table or "/" not in kind:
        return entry
    changes: dict[str, Any] = {}
    for field, value in entry._asdict().items():
        if isinstance(value, dict):
            changes[field] = {path: target for text, target in value.items() for path in _in_pulumi(text)}
        elif isinstance(value, tuple) and field != "nodes":
            changes[field] = tuple(path for text in value for path in _in_pulumi(text))
    return entry._replace(**changes)


def _in_pulumi(path: str) -> tuple[str, ...]:
    """A path in Pulumi's spellings: camelCase, lists in the plural, and each list of at most one item as the item itself."""
    camel = re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), path)
    first, *others = re.split(r"\.(\*[^.]*|\d+)(?=\.[a-z])", camel)
    found = [first]
    for item, rest in zip(others[::2], others[1::2]):
        found = [way + rest for text in found for way in (f"{text}.{item}", text)]
    plural = [re.sub(r"(?<=[a-rt-z])(?=\.(\*|\d))|(?<=Pool)$", "s", text) for text in found]
    return tuple(dict.fromkeys((camel, *plural)))


@lru_cache(maxsize=4096)
def host(kind: str) -> HostType | None:
    """What is known of servers of this type."""
    return _find(HOSTS, kind)


@lru_cache(maxsize=4096)
def neighbour(kind: str) -> Neighbour | None:
    """What is known of objects of this type that give a server an address."""
    return _find(NEIGHBOURS, kind)


@lru_cache(maxsize=4096)
def pool(kind: str) -> PoolType | None:
    """What is known of resources of this type that make servers."""
    return _find(POOLS, kind)


@lru_cache(maxsize=4096)
def managed(kind: str) -> ManagedType | None:
    """What is known of clusters of this type that a cloud runs."""
    return _find(MANAGED, kind)


_MACHINE = re.compile(
    r"(^|_)(instance(v\d)?|server|vm\d?|virtual_?machine|droplet|machine|compute_node|bare_?metal(_device)?|host|lxd_container|packet_device"
    r"|(instance|node|agent)_?(pool|group)s?|auto_?scaling_group|scaling_group|scale_set|autoscale|(spot"
    r"|ec2)_fleet(_request)?|as_group|spot_(market_)?request)(_v\d+)?$"
)
_NO_MACHINE = re.compile(
    r"(db|rds|redis|cache|database|sql|dns|template|profile|file|cluster_instance|connect"
    r"|bigtable|spanner|memorystore|notebook|workbench|bastion|transfer|analysis)"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def machine_like(kind: str) -> bool:
    """Whether a type sounds like a machine, in the words of Terraform, Pulumi or CloudFormation: to be listed when it is not known."""
    kind = _CAMEL.sub("_", kind).lower()
    return _MACHINE.search(kind.rsplit(":", 1)[-1]) is not None and not _NO_MACHINE.search(kind)


_NO_SERVER = re.compile(
    r"(^|_)(load_?balancers?|[aegn]?lb|cluster|[ep]?ips?|address(es)?|eip|(sub)?net(work)?s?|subnetwork|vpc|vswitch|router|route|gateway|nic|vnic"
    r"|port|interface|record(_set)?|firewall|security_group|endpoint|attachment|association|assignment|bucket|volume|disk|proxy)(_v\d+)?$"
)
_LISTED = re.compile(r"(_list|s)$")


@lru_cache(maxsize=4096)
def no_server(kind: str) -> str:
    """What a type that no table of servers knows is instead, where its name tells; empty where it may be a server."""
    if host(kind) or pool(kind):
        return ""
    plain = _CAMEL.sub("_", kind).lower().rsplit(":", 1)[-1]
    one = _LISTED.sub("", plain)
    if one != plain and (one in HOSTS or machine_like(one)):
        return "a list of servers"
    if machine_like(kind):
        return ""
    beside = neighbour(kind) or managed(kind) or _NO_SERVER.search(plain)
    return "no server" if beside or _MACHINE.search(plain) or _NO_MACHINE.search(plain) else ""
