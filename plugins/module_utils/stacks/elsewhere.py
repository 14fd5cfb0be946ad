# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses in objects that no table of host types describes, such as those of an output: found by what their keys mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from . import addresses
from .model import Steps

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OWN = re.compile(
    r"(^|_)(ips?|ipv[46]|ip_?addr(ess|esses|s)?|addr(ess|esses|s)?|private|internal|lan|vpc|public|external)(_|$)"
)
_ANOTHERS = re.compile(
    r"(^|_)(gateway|gw|dns|nameserver|resolver|netmask|mask|subnet|subnetwork|cidr|range|broadcast|router?|proxy|bastion|peer|ntp"
    r"|allow(ed)?|source|destination|remote|vip|virtual|lb|balancer|api|mac|master|manager|leader|tag|label|metadata|env"
    r"|servers|droplets|instances|nodes|machines|vms|hosts|members|workers|agents)s?(_|$)"
)
# Interfaces that engines of containers and clusters make on each machine, as these call them.
_VIRTUAL = re.compile(
    r"lo\d*|(docker|podman|cni|cni-podman|virbr|lxcbr|lxdbr|incusbr|tunl|kube-ipvs|kube-dummy-if|dummy)\d*|br-[0-9a-f]{12}|(veth|cali|flannel|cilium_)\S*"
    r"|lxc([0-9a-f]{8,}|_health)|vxlan(-v6)?\.calico|wireguard\.cali|wg-v6\.cali|kube-bridge|weave|nodelocaldns|nomad|ip6tnl\d+|sit\d+|gre\d+"
)


@lru_cache(maxsize=4096)
def means(key: str) -> bool | None:
    """Whether what stands under a key is the host's own address; None where it is another's."""
    plain = _CAMEL.sub("_", key[:256]).lower().replace("-", "_")
    return None if _ANOTHERS.search(plain) else _OWN.search(plain) is not None


def virtual(name: Any) -> bool:
    """Whether an interface is one that the machine makes for itself."""
    return isinstance(name, str) and _VIRTUAL.fullmatch(name) is not None


def found(value: Any, above: Steps = (), own: bool = False) -> Iterator[Steps]:
    """The paths of texts in VALUE that are addresses of the host itself by their keys, whatever these are called."""
    if isinstance(value, dict) and not virtual(value.get("interface_name")):
        for key, item in value.items():
            meant = means(key) if isinstance(key, str) else None
            if meant is not None and not virtual(key):
                yield from found(item, (*above, key), own or meant)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from found(item, (*above, number), own)
    elif own and isinstance(value, str) and is_address(value):
        yield above


def is_address(text: str) -> bool:
    """Whether TEXT is an address."""
    try:
        addresses.read(text)
    except ValueError:
        return False
    return True
