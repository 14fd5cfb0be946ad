# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live EC2 instances, in the words of Terraform's aws_instance, so that the same `host:` paths read them. Needs boto3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import aws

GROUP_TAG = "aws:autoscaling:groupName"


def instances(
    fields: Mapping[str, Any], place: str, ids: Sequence[str] = (), groups: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The instances of these ids in whatever state, or those of these autoscaling groups that still are in them."""
    with aws.errors(place):
        client = aws.client("ec2", fields, place)
        filters = [{"Name": f"tag:{GROUP_TAG}", "Values": list(groups)}] if groups else []
        if groups:
            filters.append({"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]})
        pages = client.get_paginator("describe_instances").paginate(
            Filters=filters, **({"InstanceIds": list(ids)} if ids else {})
        )
        return [instance for page in pages for instance in described(page)]


def described(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The instances of what `aws ec2 describe-instances` prints."""
    found = []
    for reservation in page.get("Reservations") or []:
        for item in reservation.get("Instances") or []:
            interfaces = item.get("NetworkInterfaces") or []
            private = [
                own.get("PrivateIpAddress") for each in interfaces for own in each.get("PrivateIpAddresses") or [each]
            ]
            six = [own.get("Ipv6Address") for each in interfaces for own in each.get("Ipv6Addresses") or []]
            tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in item.get("Tags") or []}
            found.append(
                {
                    "id": item.get("InstanceId"),
                    "private_ip": item.get("PrivateIpAddress"),
                    "public_ip": item.get("PublicIpAddress"),
                    "PrivateIpAddress": item.get("PrivateIpAddress"),
                    "private_ips": [text for text in private if text],
                    "ipv6_addresses": [text for text in (item.get("Ipv6Address"), *six) if text],
                    "Tags": tags,
                    "private_dns": item.get("PrivateDnsName"),
                    "instance_type": item.get("InstanceType"),
                    "instance_state": (item.get("State") or {}).get("Name"),
                    "subnet_id": item.get("SubnetId"),
                    "availability_zone": (item.get("Placement") or {}).get("AvailabilityZone"),
                    "tags": tags,
                }
            )
    return found
