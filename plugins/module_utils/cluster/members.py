# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a member of a cluster is: its name, its canonical address and the engine's own id. Standard library only."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WELL = ("alive", "ready")  # what engines call a member that is


def canonical(address: str) -> str:
    """One spelling for each address, with IPv4 addresses mapped into IPv6 as IPv4; what is no address stays as it is."""
    text = str(address).strip().strip("[]")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(getattr(found, "ipv4_mapped", None) or found)


@dataclass(frozen=True)
class Member:
    """A member as a list named it. An empty C(number), the engine's own id, stands for whichever is there."""

    name: str
    address: str
    part: str
    number: str = ""

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Member:
        """Read a member from data. Raises KeyError naming what it lacks."""
        return cls(entry["name"], canonical(entry["address"]), entry["part"], str(entry.get("id") or ""))

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"

    def is_same(self, name: str, address: str, number: str) -> bool:
        """Tell whether what the cluster knows now is this member still."""
        known = self.name, self.address, self.number or number
        return known == (name, canonical(address), number)
