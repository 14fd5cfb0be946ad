# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that closes the cloud's metadata address to workloads."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible.errors import AnsibleFilterError

TABLE = "inet keelson_metadata"
# Some clouds serve DNS and time at the same address.
RULES = """table {table}
delete table {table}
table {table} {{
  chain closed {{
    meta l4proto {{ tcp, udp }} th dport 53 accept
    udp dport 123 accept
    reject with icmpx type admin-prohibited
  }}
  chain workloads {{
    type filter hook prerouting priority raw; policy accept;
{workloads}
  }}
  chain accounts {{
    type filter hook output priority raw; policy accept;
{accounts}
  }}
}}
"""


def metadata_rules(addresses: list[str]) -> str:
    """What nft loads: only root of the host itself, and no container with a network of its own, reaches these addresses."""
    chosen = []
    for text in addresses:
        try:
            address = ipaddress.ip_address(str(text))
        except ValueError as error:
            message = f"cluster_metadata_addresses: {text!r} is no IP address; correct it, or give [] to close none"
            raise AnsibleFilterError(message) from error
        chosen.append(f"{'ip6' if address.version == 6 else 'ip'} daddr {address} jump closed")
    return RULES.format(
        table=TABLE,
        workloads="\n".join(f'    iifname != "lo" {rule}' for rule in chosen),
        accounts="\n".join(f"    meta skuid != 0 {rule}" for rule in chosen),
    )


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"metadata_rules": metadata_rules}
