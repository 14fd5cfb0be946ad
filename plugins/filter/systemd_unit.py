# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that render what hosts read from data."""

from __future__ import annotations

from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.host.units import stamp_command

#: Of a service that needs no right of root, writes to its own directories alone and runs no other programs' code.
CONFINED: dict[str, str | bool] = {
    "CapabilityBoundingSet": "",
    **dict.fromkeys(("LockPersonality", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectClock"), True),
    **dict.fromkeys(("ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs"), True),
    **dict.fromkeys(("ProtectKernelModules", "ProtectKernelTunables"), True),
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_NETLINK AF_UNIX",
    **dict.fromkeys(("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"), True),
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
}


def systemd_unit(sections: dict[str, dict[str, Any]], confined: bool = False) -> str:
    """The text of a unit file; a list gives its key once an entry, a boolean yes or no. See the filter's documentation."""
    parts = []
    if confined:
        own = sections["Service"]
        sections = {**sections, "Service": {**own, **{key: own.get(key, value) for key, value in CONFINED.items()}}}
    for section, settings in sections.items():
        lines = [f"[{section}]"]
        for key, value in settings.items():
            for entry in value if isinstance(value, list) else [value]:
                lines.append(f"{key}={_word(entry)}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def unit_files(units: dict[str, dict[str, dict[str, Any]]]) -> list[dict[str, str]]:
    """The files of units by their names, as modules take them. See the filter's documentation."""
    return [
        {"path": f"/etc/systemd/system/{name}", "mode": "0644", "content": systemd_unit(sections)}
        for name, sections in units.items()
    ]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Map their names to them."""
        return {"systemd_unit": systemd_unit, "stamp_command": stamp_command, "unit_files": unit_files}
