# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep this node's part of pod network `bridge`: its CNI configuration, and routes to the pods of all other nodes.

Asks the API with the certificate that kubelet has, every few seconds, for the nodes and the networks each was given, one
of each family that pods have.
usage: pod_network.py ENDPOINT NODE POD_SUBNET[,POD_SUBNET]
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

CA = "/etc/kubernetes/pki/ca.crt"
IDENTITY = "/var/lib/kubelet/pki/kubelet-client-current.pem"
CONFIGURATION = "/etc/cni/net.d/10-bridge.conflist"
PROTOCOL = "201"  # marks our routes in the kernel's table (rtnetlink(7): above 4 is free for use)
TABLE = "inet keelson_pods"
PAUSE = 5.0


def networks(nodes: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return {node: {pod network: address of its family}} of a list of nodes; those without any are left out."""
    found = {}
    for node in nodes["items"]:
        listed = node.get("status", {}).get("addresses", [])
        addresses = [entry["address"] for entry in listed if entry["type"] == "InternalIP"]
        spec = node.get("spec", {})
        own = {
            network: address
            for network in spec.get("podCIDRs") or filter(None, [spec.get("podCIDR")])
            for address in [next((one for one in addresses if (":" in one) == (":" in network)), "")]
            if address
        }
        if own:
            found[node["metadata"]["name"]] = own
    return found


def configuration(pods: Iterable[str]) -> str:
    """Return the CNI configuration of a node with pods in these networks."""
    ranges = [[{"subnet": network}] for network in pods]
    ways = [{"dst": "::/0" if ":" in network else "0.0.0.0/0"} for network in pods]
    ipam = {"type": "host-local", "ranges": ranges, "routes": ways}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "bridge", "plugins": [bridge, ports]}, indent=2) + "\n"


def masquerade(subnets: Iterable[str]) -> str:
    """Return nft's commands by which pods leave the cluster under their node's address, and reach each other as they are."""
    kinds = [("ip6" if ":" in subnet else "ip", subnet) for subnet in subnets]
    rules = [f"{kind} saddr {subnet} {kind} daddr != {subnet} masquerade\n" for kind, subnet in kinds]
    chain = f"chain postrouting {{\ntype nat hook postrouting priority srcnat\n{''.join(rules)}}}"
    return f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{chain}\n}}\n"


def changes(desired: dict[str, str], present: dict[str, str]) -> list[list[str]]:
    """Return the `ip route` commands from the routes that are there to those that are desired, both {network: gateway}."""
    gone = [["del", network, "proto", PROTOCOL] for network in present if network not in desired]
    new = [
        ["replace", network, "via", gateway, "proto", PROTOCOL]
        for network, gateway in desired.items()
        if present.get(network) != gateway
    ]
    return gone + new


def routes(subnets: Iterable[str]) -> dict[str, str]:
    """Return our routes in the kernel, of the families of these subnets."""
    found = {}
    for family in {"-6" if ":" in subnet else "-4" for subnet in subnets}:
        command = ["ip", family, "-json", "route", "show", "proto", PROTOCOL]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found.update({entry["dst"]: entry.get("gateway", "") for entry in json.loads(shown or "[]")})
    return found


def ask(endpoint: str) -> dict[str, Any]:
    """Return the list of nodes; a version that is a moment old will do."""
    settings = ssl.create_default_context(cafile=CA)
    settings.load_cert_chain(IDENTITY)
    link = http.client.HTTPSConnection(endpoint, timeout=10, context=settings)
    try:
        link.request("GET", "/api/v1/nodes?resourceVersion=0")
        answer = link.getresponse()
        text = answer.read().decode()
    finally:
        link.close()
    if answer.status != 200:
        raise OSError(f"HTTP {answer.status}: {text[:200]}")
    found: dict[str, Any] = json.loads(text)
    return found


def filter_rules(subnets: list[str]) -> None:
    """Write the rules of the packet filter where they are missing, as after a firewall was loaded anew."""
    there = subprocess.run(["nft", "list", "table", *TABLE.split()], capture_output=True, text=True, check=False)
    if there.stdout.count("masquerade") < len(subnets):
        subprocess.run(["nft", "-f", "-"], input=masquerade(subnets), text=True, check=True)


def settle(endpoint: str, node: str, subnets: list[str]) -> None:
    """Write configuration, rules and routes, once."""
    filter_rules(subnets)
    known = networks(ask(endpoint))
    own = known.pop(node, None)
    if own:
        text = configuration(own)
        try:
            with open(CONFIGURATION, encoding="utf-8") as file:
                same = file.read() == text
        except FileNotFoundError:
            same = False
        if not same:
            with open(f"{CONFIGURATION}.partial", "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(text)
            os.replace(f"{CONFIGURATION}.partial", CONFIGURATION)
    desired = {network: address for others in known.values() for network, address in others.items()}
    for command in changes(desired, routes(subnets)):
        subprocess.run(["ip", "route", *command], check=True)


def main(endpoint: str, node: str, subnets: str) -> None:
    """Settle for ever; say once what is wrong, and once that it is well again."""
    reported = ""
    while True:
        try:
            settle(endpoint, node, subnets.split(","))
            fault = ""
        except (OSError, ValueError, http.client.HTTPException, subprocess.CalledProcessError) as error:
            fault = str(error)
        if fault != reported:
            print(fault or "the nodes are known again", flush=True)
            reported = fault
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
