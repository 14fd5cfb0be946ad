# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy by which a cluster's hosts reach other networks, as the variables of its programs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from . import components
from .preflight.model import networks

LOCAL = ("localhost", "127.0.0.0/8", "::1")
NAMES = (".svc", ".cluster.local", ".internal")


def environment(proxy: Mapping[str, Any], variables: Mapping[str, Any], managers: Iterable[str]) -> dict[str, str]:
    """Return what programs of a host with these variables read: http_proxy, https_proxy, no_proxy, in both spellings.

    Empty without a proxy.
    """
    values = {f"{kind}_proxy": str(proxy.get(kind) or "") for kind in ("http", "https")}
    if not any(values.values()):
        return {}
    values["no_proxy"] = ",".join(direct(proxy.get("no_proxy") or (), variables, managers))
    found = {name: value for name, value in values.items() if value}
    return {**found, **{name.upper(): value for name, value in found.items()}}


def direct(more: Iterable[Any], variables: Mapping[str, Any], managers: Iterable[str]) -> list[str]:
    """What is reached without the proxy: the host itself, the cluster's networks, managers and endpoint, what its containers
    get, and `more`. Other hosts are in the cluster's networks, so that one that is added changes no file of the others."""
    within = [ipaddress.ip_network(cidr) for cidr in networks(variables.get("cluster_networks")).values()]
    single = [*managers, str(variables.get("cluster_address") or ""), str(variables.get("cluster_vip") or "")]
    single = [address for address in single if address and not any(_lies(address, network) for network in within)]
    known = components.of(variables) if variables.get("cluster_engine") else ()
    made = [text.strip() for component in known for _variable, text in component.networks(variables)]
    endpoint = _host(str(variables.get("cluster_endpoint") or ""))
    # Python's programs, which fetch the bundle, know no networks here.
    bundle = _host(str(variables.get("cluster_bundle") or ""))
    single += [bundle] if any(_lies(bundle, network) for network in within) else []
    found = [*LOCAL, *map(str, within), *single, endpoint, *made, *NAMES, *map(str, more)]
    return [entry for entry in dict.fromkeys(found) if entry]


def _lies(address: str, network: Any) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False


def _host(endpoint: str) -> str:
    """The host of an endpoint, which is a URL, HOST:PORT or HOST."""
    host = endpoint.partition("://")[2] or endpoint
    host = host.partition("/")[0]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]
